"""`Space`, the adapters that a search chooses from, and how many weights each of them trains."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from penchant.training.search.kinds import LORA, Kind, trained_weights

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BOTTLENECKS", "GROUPS", "Configuration", "Layout", "Space", "layout_of"]

#: What is chosen, by name of the dimension.
Configuration: TypeAlias = dict[str, Any]
#: Groups of layers that share a rank.
GROUPS = ("attention", "feed-forward")
#: Instead of them, the published space: adapters after and beside the feed-forward blocks, and prefixes in attention.
BOTTLENECKS = ("serial", "parallel", "prefix")
# Names of the kind, layers and further keys in a configuration.
KIND, LAYER, KEY = "kind", "layer", "key"
# Above so many configurations the unseen ones are drawn, and not listed.
LISTED = 100_000


@dataclass(frozen=True)
class Layout:
    """Where adapters can be in a model.

    Args:
        places: for each decoder layer and group, the paths of its linear layers with inputs + outputs of each.
        model: whose places they are.
    """

    places: tuple[Mapping[str, Mapping[str, int]], ...]
    model: nn.Module | None = field(default=None, repr=False, compare=False)

    @property
    def width(self) -> int:
        """Of the model's hidden states."""
        config: Any = getattr(self.model, "config", None)
        return int(config.get_text_config().hidden_size)

    @property
    def keys(self) -> int:
        """Numbers in a key of attention, of all heads together."""
        from penchant.training.parameters.bottleneck import key_shape

        heads, width = key_shape(getattr(self.model, "config", None))
        return heads * width


def layout_of(model: nn.Module) -> Layout:
    """The linear layers of a language model's decoder layers, by group.

    Args:
        model: of transformers.
    """
    from torch import nn as modules

    from penchant.likelihood.inside.layers import decoder_layers

    found = []
    for path, layer in decoder_layers(model):
        groups: dict[str, dict[str, int]] = {group: {} for group in GROUPS}
        for name, module in layer.named_modules():
            if isinstance(module, modules.Linear):
                group = "attention" if "attn" in name or "attention" in name else "feed-forward"
                groups[group][f"{path}.{name}"] = module.in_features + module.out_features
        found.append(groups)
    return Layout(tuple(found), model)


@dataclass(frozen=True)
class Space:
    """The configurations of a search: a kind, a rank for each group, one bit a decoder layer, and further recipe keys.

    The groups are `GROUPS`, whose layers get adapters of PEFT, or `BOTTLENECKS`, whose ranks are numbers of units.

    Args:
        ranks: the grid of each group; 0 puts no adapter there.
        layers: number of decoder layers with a bit of their own; 0 puts adapters in all of them.
        keys: values of further keys of the recipe.
        scale: of every adapter, alpha / rank.
        kinds: of adapters; several are a dimension of their own.

    Reference:
        Zhou et al. (2023), AutoPEFT: Automatic Configuration Search for Parameter-Efficient Fine-Tuning,
        arXiv:2301.12132.
    """

    ranks: Mapping[str, tuple[int, ...]]
    layers: int = 0
    keys: Mapping[str, tuple[Any, ...]] | None = None
    scale: float = 2.0
    kinds: tuple[Kind, ...] = (LORA,)

    @property
    def of_bottlenecks(self) -> bool:
        """Whether the space is the published one."""
        return BOTTLENECKS[0] in self.ranks

    @property
    def choices(self) -> dict[str, tuple[Any, ...]]:
        """The values of each dimension, by name; ranks ascend."""
        kinds = {KIND: tuple(each.name for each in self.kinds)} if len(self.kinds) > 1 else {}
        bits = {f"{LAYER} {number}": (False, True) for number in range(self.layers)}
        further = {f"{KEY} {name}": values for name, values in (self.keys or {}).items()}
        return {**kinds, **self.ranks, **bits, **further}

    @property
    def size(self) -> int:
        """Number of different configurations with an adapter."""
        further = math.prod(map(len, (self.keys or {}).values()))
        several = [dict(zip(self.ranks, values, strict=True)) for values in product(*self.ranks.values())]
        ranks = sum(
            any(each.values()) and kind.ranks(each, self.ranks) == each for each in several for kind in self.kinds
        )
        return ranks * ((2**self.layers - 1) if self.layers else 1) * further

    def kind(self, configuration: Configuration) -> Kind:
        """The kind of a configuration."""
        return next(each for each in self.kinds if each.name == configuration.get(KIND, each.name))

    def canonical(self, configuration: Configuration) -> Configuration:
        """The one of all configurations with the same adapter that counts; see `Kind.ranks`."""
        given = {group: configuration[group] for group in self.ranks}
        return {**configuration, **self.kind(configuration).ranks(given, self.ranks)}

    def holds(self, configuration: Configuration) -> bool:
        """Whether a configuration puts an adapter anywhere, and is the one of its kind that counts."""
        bits = [configuration[f"{LAYER} {number}"] for number in range(self.layers)]
        there = any(configuration[group] for group in self.ranks) and (not bits or any(bits))
        return there and self.canonical(configuration) == configuration

    def unseen(self, seen: list[Configuration], draw: random.Random) -> Configuration | None:
        """A configuration with an adapter that is not in ``seen``: a kind, then one of its own, each drawn evenly.

        Args:
            seen: configurations.
            draw: the source of randomness.

        Returns:
            None if all are seen.
        """
        if len(seen) >= self.size:
            return None
        if math.prod(map(len, self.choices.values())) <= LISTED:
            left = [each for each in self._all() if each not in seen]
            kind = draw.choice(sorted({str(each.get(KIND)) for each in left}))
            return draw.choice([each for each in left if str(each.get(KIND)) == kind])
        while True:
            drawn = self.canonical({name: draw.choice(values) for name, values in self.choices.items()})
            if self.holds(drawn) and drawn not in seen:
                return drawn

    def _all(self) -> Iterator[Configuration]:
        names = list(self.choices)
        for values in product(*self.choices.values()):
            configuration = dict(zip(names, values, strict=True))
            if self.holds(configuration):
                yield configuration

    def sizes(self, configuration: Configuration, layout: Layout) -> dict[str, int]:
        """The rank of every linear layer that gets an adapter, by path."""
        return {
            path: configuration[group]
            for number in self._used(configuration, layout)
            for group in self.ranks
            if configuration[group]
            for path in layout.places[number][group]
        }

    def _units(self, configuration: Configuration) -> dict[str, int]:
        """The size of each of `BOTTLENECKS`."""
        return {group: configuration[group] for group in BOTTLENECKS if group in self.ranks}

    def _used(self, configuration: Configuration, layout: Layout) -> list[int]:
        """Numbers of the decoder layers that have adapters."""
        return [n for n in range(len(layout.places)) if not self.layers or configuration[f"{LAYER} {n}"]]

    def trained(self, configuration: Configuration, layout: Layout) -> int:
        """Number of trained weights: of adapters in linear layers for LoRA, for other kinds counted on a copy.

        Plain LoRA has Σ rank · (inputs + outputs), a bottleneck two matrices of the model's width, a prefix a key and a
        value for each of its tokens.

        Raises:
            ConfigurationError: the kind does not fit the model.
        """
        if self.of_bottlenecks:
            # Imported here: it loads torch, and a mistyped key of a plan is reported before that.
            from penchant.training.parameters.bottleneck import bottleneck_weights

            used = len(self._used(configuration, layout))
            return bottleneck_weights(layout.width, **self._units(configuration), layers=used, keys=layout.keys)
        if self.kind(configuration) != LORA:
            assert layout.model is not None
            return trained_weights(layout.model, self._adapter(configuration, layout))
        sides = {path: side for groups in layout.places for group in groups.values() for path, side in group.items()}
        return sum(rank * sides[path] for path, rank in self.sizes(configuration, layout).items())

    def recipe(self, configuration: Configuration, layout: Layout) -> dict[str, Any]:
        """The keys of a recipe that train a configuration."""
        further = {name: configuration[f"{KEY} {name}"] for name in self.keys or {}}
        if self.of_bottlenecks:
            units, layers = self._units(configuration), self._used(configuration, layout)
            return {"parameters": {"name": "bottleneck", **units, "layers": layers}, **further}
        return {"lora": self._adapter(configuration, layout), **further}

    def _adapter(self, configuration: Configuration, layout: Layout) -> dict[str, Any]:
        """The adapter of a configuration, as the recipe's ``lora``."""
        feed_forward = {path for groups in layout.places for path in groups[GROUPS[1]]}
        return self.kind(configuration).recipe(self.sizes(configuration, layout), self.scale, feed_forward)
