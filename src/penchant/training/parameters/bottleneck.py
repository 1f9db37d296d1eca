"""Serial and parallel adapters and prefixes in attention: small parts of the layers, while all weights stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge
from safetensors.torch import save_file
from torch import nn

from penchant.errors import CheckpointError, ConfigurationError
from penchant.likelihood.inside.layers import decoder_layers, find_layer
from penchant.likelihood.projected.layer_parts import BOTTLENECKS, PREFIX_PART, Bottleneck, PrefixKeys, bottlenecks_of
from penchant.likelihood.projected.layers import check_own_type
from penchant.likelihood.projected.modeling_projected import attach_bottleneck
from penchant.training.devices.processes import Processes
from penchant.training.parameters.strategy import Start, Strategy

__all__ = ["BottleneckAdapters", "blocks_of", "bottleneck_weights", "key_shape"]

#: The adapters of a run, in its folder.
BOTTLENECKS_FILE = "bottlenecks.safetensors"
# Names of feed-forward blocks in the layers of transformers' models.
BLOCKS = ("mlp", "feed_forward", "ffn", "block_sparse_moe", "feedforward", "shared_mlp")
ATTENTION = ("self_attn", "attn", "attention", "self_attention")
#: Standard deviation of a prefix at the start.
STARTS_WITH = 0.02


def blocks_of(core: nn.Module, layers: Sequence[int] | None = None, names: Sequence[str] = BLOCKS) -> list[str]:
    """The paths of feed-forward blocks, first to last.

    Args:
        core: the transformers model.
        layers: numbers of its decoder layers, negative ones from the end; default: all.
        names: of the blocks; `ATTENTION` for those of attention instead.

    Raises:
        ConfigurationError: there is no such layer, or one has no such block.
    """
    every = decoder_layers(core)
    chosen = {id(find_layer(core, str(number))) for number in (range(len(every)) if layers is None else layers)}
    found: list[str] = []
    for path, layer in every:
        if id(layer) in chosen:
            inside = dict(layer.named_children())
            found += [f"{path}.{each}" for each in names if each in inside][:1]
    if len(found) < len(chosen) or not found:
        what = "feed-forward block" if names is BLOCKS else "attention"
        raise ConfigurationError(
            f"The layers of {type(core).__name__} have no {what} of their own.",
            where="parameters",
            why=f"The adapters stand at it, under one of the names {', '.join(names)}.",
            fix="Use lora, or another model.",
        )
    return found


def key_shape(config: Any) -> tuple[int, int]:
    """The number of heads of a model's keys, and the width of each.

    Args:
        config: of the transformers model.
    """
    text = config.get_text_config()
    heads = int(text.num_attention_heads)
    width = getattr(text, "head_dim", None) or int(text.hidden_size) // heads
    return int(getattr(text, "num_key_value_heads", None) or heads), int(width)


def bottleneck_weights(width: int, serial: int, parallel: int, layers: int, prefix: int = 0, keys: int = 0) -> int:
    """Number of trained weights: two matrices for each bottleneck, a key and a value for each token of a prefix.

    Args:
        width: of the hidden states.
        serial: units of each serial adapter.
        parallel: units of each parallel adapter.
        layers: number of layers that have them.
        prefix: virtual tokens of each layer's attention.
        keys: numbers in a key, of all heads together.

    Example:
        >>> bottleneck_weights(64, serial=4, parallel=0, layers=2)
        1024
        >>> bottleneck_weights(64, serial=0, parallel=0, layers=2, prefix=3, keys=32)
        384
    """
    return 2 * layers * (width * (serial + parallel) + prefix * keys)


class BottleneckAdapters(Strategy):
    """Serial (Houlsby et al., 2019) and parallel adapters (He et al., 2022) of the feed-forward blocks, and prefixes.

    The block's output is h = F(x) + U' relu(D' x) with a parallel adapter, and h + U relu(D h) with a serial one, which
    reads what the parallel one has added. U starts at 0, so training starts at the model. A prefix is P keys and values
    of a layer's attention that every token sees beside its own; it has no positions, starts near 0, and so changes the
    model a little from the start on. The reference is the model with all of them switched off, and needs no copy. The
    saved folder has them beside the weights, with the code that runs them: no linear layer can hold them.

    Reference:
        Houlsby et al. (2019), Parameter-Efficient Transfer Learning for NLP, arXiv:1902.00751. He et al. (2022),
        Towards a Unified View of Parameter-Efficient Transfer Learning, arXiv:2110.04366. Li and Liang (2021),
        Prefix-Tuning, arXiv:2101.00190.
    """

    id = "bottleneck"
    undoes: ClassVar[bool] = True
    why_no_adapter = "It adds networks of its own to the model's layers, as an adapter does."

    serial: Annotated[int, Ge(0), "units of the adapter after each feed-forward block; 0 for none"] = 16
    parallel: Annotated[int, Ge(0), "units of the adapter beside each feed-forward block; 0 for none"] = 0
    prefix: Annotated[
        int, Ge(0), "learned keys and values in each layer's attention, as of virtual tokens; 0 for none"
    ] = 0
    layers: Annotated[list[int] | None, "numbers of the layers that have them; default: all"] = None

    @property
    def starts_equal(self) -> bool:
        """See `Strategy.starts_equal`: a prefix takes a share of attention from the start."""
        return not self.prefix

    def check_recipe(self, recipe: Any, processes: Processes) -> None:
        """See `Strategy.check_recipe`.

        Raises:
            ConfigurationError: nothing would be trained.
        """
        super().check_recipe(recipe, processes)
        if not (self.serial or self.parallel or self.prefix) or self.layers == []:
            raise ConfigurationError(
                "parameters=bottleneck puts an adapter nowhere, so nothing would be trained.",
                where="parameters",
                fix="Give serial, parallel or prefix a number above 0, and at least one layer.",
            )

    def check(self, start: Start) -> None:
        """See `Strategy.check`.

        Raises:
            ConfigurationError: a layer has no feed-forward block, or the model has bottlenecks already.
        """
        super().check(start)
        core = start.scorer.core
        check_own_type(core)
        if bottlenecks_of(core):
            fix = "Train its base, or remove parameters."
            raise self._refused("the model has such adapters already", "model", fix)
        self._paths(core)

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        self._attach(start, self._paths(start.scorer.core))

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`.

        Raises:
            CheckpointError: the checkpoint has them elsewhere.
        """
        paths = self._paths(start.scorer.core)
        if state.get("blocks") != paths:
            raise CheckpointError(
                "The adapters of the checkpoint are not at this model's blocks.",
                fix="Start again with --overwrite, or restore the checkpoint.",
            )
        self._attach(start, paths)

    def _paths(self, core: nn.Module) -> list[str]:
        """The blocks that get a part, first those of attention."""
        attention = blocks_of(core, self.layers, ATTENTION) if self.prefix else []
        return attention + (blocks_of(core, self.layers) if self.serial or self.parallel else [])

    def _attach(self, start: Start, paths: list[str]) -> None:
        scorer: Any = start.scorer
        core: Any = scorer.core
        core.requires_grad_(False)
        width, generator = int(core.config.get_text_config().hidden_size), torch.Generator().manual_seed(start.seed)
        self.core, self.paths, self.added = core, paths, list[Bottleneck | PrefixKeys]()
        sizes = dict(zip(BOTTLENECKS, (self.parallel, self.serial), strict=True))
        scorer.close()  # a prefix changes the kind of attention, which an open scorer has replaced
        for path in paths:
            if path.rpartition(".")[2] in ATTENTION:
                self._add(path, PREFIX_PART, self._prefix(generator))
                continue
            for kind, size in sizes.items():
                if size:
                    made = Bottleneck(width, size)
                    made.down.data.copy_(torch.randn(size, width, generator=generator) / width**0.5)
                    self._add(path, kind, made)
        self._check_read()
        scorer.open()
        self.size = sum(each.numel() for each in core.parameters())

    def _add(self, path: str, kind: str, made: Bottleneck | PrefixKeys) -> None:
        place = next(self.core.get_submodule(path).parameters()).device
        attach_bottleneck(self.core, path, kind, made.to(place))
        self.added.append(made)

    def _prefix(self, generator: torch.Generator) -> PrefixKeys:
        heads, width = key_shape(self.core.config)
        made = PrefixKeys(heads, self.prefix, width)
        for weight in made.parameters():
            weight.data.copy_(STARTS_WITH * torch.randn(weight.shape, generator=generator))
        return made

    def _check_read(self) -> None:
        """Try the prefixes on two tokens.

        Raises:
            ConfigurationError: the attention of the model does not read them.
        """
        prefixes = [each for each in self.added if isinstance(each, PrefixKeys)]
        if not prefixes:
            return
        ids = torch.zeros((1, 2), dtype=torch.long, device=next(self.core.parameters()).device)
        try:
            with torch.no_grad():
                self.core.forward(input_ids=ids)
        except RuntimeError as error:
            reason = str(error).splitlines()[0][:120]
        else:
            reason = "" if all(each.read for each in prefixes) else "its attention is not transformers' own interface"
        if getattr(self.core.config.get_text_config(), "attn_logit_softcapping", None):
            reason = "its attention bounds its scores, which the code of a saved model does not"
        if reason:
            raise self._refused(f"the model cannot read a prefix ({reason})", "model", "Leave prefix at 0.")

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """See `Strategy.switched_off`."""
        added = getattr(self, "added", [])  # nothing is added yet
        for each in added:
            each.off = True
        try:
            yield
        finally:
            for each in added:
                each.off = False

    def save(self, folder: Path) -> None:
        """See `Strategy.save`: the adapters alone, by the paths that they have in the model."""
        found = bottlenecks_of(self.core)
        weights = {f"{path}.{name}": each for path, part in found.items() for name, each in part.state_dict().items()}
        save_file({name: each.contiguous().cpu() for name, each in weights.items()}, folder / BOTTLENECKS_FILE)

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`; the weights are in the checkpoint's model."""
        return {"blocks": self.paths}

    def facts(self) -> dict[str, Any]:
        """See `Strategy.facts`."""
        moving = sum(each.numel() for part in self.added for each in part.parameters())
        return {"trained_parameters": moving, "trained_share": moving / self.size}
