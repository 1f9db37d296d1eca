"""`Space`, the adapters that a search chooses from, and how many weights each of them trains."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import nn

__all__ = ["GROUPS", "Configuration", "Layout", "Space", "layout_of"]

#: What is chosen, by name of the dimension.
Configuration: TypeAlias = dict[str, Any]
#: Groups of layers that share a rank.
GROUPS = ("attention", "feed-forward")
# Names of groups, layers and further keys in a configuration.
LAYER, KEY = "layer", "key"
# Above so many configurations the unseen ones are drawn, and not listed.
LISTED = 100_000


@dataclass(frozen=True)
class Layout:
    """Where adapters can be in a model.

    Args:
        places: for each decoder layer and group, the paths of its linear layers with inputs + outputs of each.
    """

    places: tuple[Mapping[str, Mapping[str, int]], ...]


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
    return Layout(tuple(found))


@dataclass(frozen=True)
class Space:
    """The configurations of a search: a rank for each group, one bit for each decoder layer, and further recipe keys.

    Args:
        ranks: the grid of each group; 0 puts no adapter there.
        layers: number of decoder layers with a bit of their own; 0 puts adapters in all of them.
        keys: values of further keys of the recipe.
        scale: of every adapter, alpha / rank.

    Reference:
        Zhou et al. (2023), AutoPEFT: Automatic Configuration Search for Parameter-Efficient Fine-Tuning,
        arXiv:2301.12132.
    """

    ranks: Mapping[str, tuple[int, ...]]
    layers: int = 0
    keys: Mapping[str, tuple[Any, ...]] | None = None
    scale: float = 2.0

    @property
    def choices(self) -> dict[str, tuple[Any, ...]]:
        """The values of each dimension, by name; ranks ascend."""
        bits = {f"{LAYER} {number}": (False, True) for number in range(self.layers)}
        further = {f"{KEY} {name}": values for name, values in (self.keys or {}).items()}
        return {**self.ranks, **bits, **further}

    @property
    def size(self) -> int:
        """Number of configurations with an adapter."""
        further = math.prod(map(len, (self.keys or {}).values()))
        ranks = math.prod(map(len, self.ranks.values())) - all(0 in grid for grid in self.ranks.values())
        return ranks * ((2**self.layers - 1) if self.layers else 1) * further

    def holds(self, configuration: Configuration) -> bool:
        """Whether a configuration puts an adapter anywhere."""
        bits = [configuration[f"{LAYER} {number}"] for number in range(self.layers)]
        return any(configuration[group] for group in self.ranks) and (not bits or any(bits))

    def unseen(self, seen: list[Configuration], draw: random.Random) -> Configuration | None:
        """A configuration with an adapter, drawn evenly from those that are not in ``seen``; None if there is none.

        Args:
            seen: configurations.
            draw: the source of randomness.
        """
        if len(seen) >= self.size:
            return None
        if self.size <= LISTED:
            return draw.choice([each for each in self._all() if each not in seen])
        while True:
            drawn = {name: draw.choice(values) for name, values in self.choices.items()}
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
        used = [n for n in range(len(layout.places)) if not self.layers or configuration[f"{LAYER} {n}"]]
        return {
            path: configuration[group]
            for number in used
            for group in self.ranks
            if configuration[group]
            for path in layout.places[number][group]
        }

    def trained(self, configuration: Configuration, layout: Layout) -> int:
        """Number of trained weights: Σ rank · (inputs + outputs) over the layers with an adapter."""
        sides = {path: side for groups in layout.places for group in groups.values() for path, side in group.items()}
        return sum(rank * sides[path] for path, rank in self.sizes(configuration, layout).items())

    def recipe(self, configuration: Configuration, layout: Layout) -> dict[str, Any]:
        """The keys of a recipe that train a configuration."""
        ranks = self.sizes(configuration, layout)
        first = next(iter(ranks.values()))
        others = {path: rank for path, rank in ranks.items() if rank != first}
        lora: dict[str, Any] = {"rank": first, "alpha": self.scale * first, "targets": sorted(ranks)}
        if others:
            lora["rank_pattern"] = others
            lora["alpha_pattern"] = {path: self.scale * rank for path, rank in others.items()}
        further = {name: configuration[f"{KEY} {name}"] for name in self.keys or {}}
        return {"lora": lora, **further}
