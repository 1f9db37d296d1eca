"""Serial and parallel adapters: small networks after and beside the feed-forward blocks, while all weights stay."""

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
from penchant.likelihood.projected.layers import check_own_type
from penchant.likelihood.projected.modeling_projected import BOTTLENECKS, Bottleneck, attach_bottleneck, bottlenecks_of
from penchant.training.devices.processes import Processes
from penchant.training.parameters.strategy import Start, Strategy

__all__ = ["BottleneckAdapters", "blocks_of", "bottleneck_weights"]

#: The adapters of a run, in its folder.
BOTTLENECKS_FILE = "bottlenecks.safetensors"
# Names of feed-forward blocks in the layers of transformers' models.
BLOCKS = ("mlp", "feed_forward", "ffn", "block_sparse_moe", "feedforward", "shared_mlp")


def blocks_of(core: nn.Module, layers: Sequence[int] | None = None) -> list[str]:
    """The paths of feed-forward blocks, first to last.

    Args:
        core: the transformers model.
        layers: numbers of its decoder layers, negative ones from the end; default: all.

    Raises:
        ConfigurationError: there is no such layer, or one has no such block.
    """
    every = decoder_layers(core)
    chosen = {id(find_layer(core, str(number))) for number in (range(len(every)) if layers is None else layers)}
    found: list[str] = []
    for path, layer in every:
        if id(layer) in chosen:
            inside = dict(layer.named_children())
            found += [f"{path}.{each}" for each in BLOCKS if each in inside][:1]
    if len(found) < len(chosen) or not found:
        raise ConfigurationError(
            f"The layers of {type(core).__name__} have no feed-forward block of their own.",
            where="parameters",
            why=f"The adapters stand after and beside it, under one of the names {', '.join(BLOCKS)}.",
            fix="Use lora, or another model.",
        )
    return found


def bottleneck_weights(width: int, serial: int, parallel: int, layers: int) -> int:
    """Number of trained weights: two matrices for each bottleneck.

    Args:
        width: of the hidden states.
        serial: units of each serial adapter.
        parallel: units of each parallel adapter.
        layers: number of layers that have them.

    Example:
        >>> bottleneck_weights(64, serial=4, parallel=0, layers=2)
        1024
    """
    return 2 * width * (serial + parallel) * layers


class BottleneckAdapters(Strategy):
    """Serial (Houlsby et al., 2019) and parallel adapters (He et al., 2022) of the feed-forward blocks.

    The block's output is h = F(x) + U' relu(D' x) with a parallel adapter, and h + U relu(D h) with a serial one, which
    reads what the parallel one has added. U starts at 0, so training starts at the model; the reference is the model
    with the adapters switched off, and needs no copy. The saved folder has them beside the weights, with the code that
    runs them: no linear layer can hold them.

    Reference:
        Houlsby et al. (2019), Parameter-Efficient Transfer Learning for NLP, arXiv:1902.00751. He et al. (2022),
        Towards a Unified View of Parameter-Efficient Transfer Learning, arXiv:2110.04366.
    """

    id = "bottleneck"
    undoes: ClassVar[bool] = True
    why_no_adapter = "It adds networks of its own to the model's layers, as an adapter does."

    serial: Annotated[int, Ge(0), "units of the adapter after each feed-forward block; 0 for none"] = 16
    parallel: Annotated[int, Ge(0), "units of the adapter beside each feed-forward block; 0 for none"] = 0
    layers: Annotated[list[int] | None, "numbers of the layers that have them; default: all"] = None

    def check_recipe(self, recipe: Any, processes: Processes) -> None:
        """See `Strategy.check_recipe`.

        Raises:
            ConfigurationError: nothing would be trained.
        """
        super().check_recipe(recipe, processes)
        if not (self.serial or self.parallel) or self.layers == []:
            raise ConfigurationError(
                "parameters=bottleneck puts an adapter nowhere, so nothing would be trained.",
                where="parameters",
                fix="Give serial or parallel a number above 0, and at least one layer.",
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
        blocks_of(core, self.layers)

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        self._attach(start, blocks_of(start.scorer.core, self.layers))

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`.

        Raises:
            CheckpointError: the checkpoint has them elsewhere.
        """
        paths = blocks_of(start.scorer.core, self.layers)
        if state.get("blocks") != paths:
            raise CheckpointError(
                "The adapters of the checkpoint are not at this model's blocks.",
                fix="Start again with --overwrite, or restore the checkpoint.",
            )
        self._attach(start, paths)

    def _attach(self, start: Start, paths: list[str]) -> None:
        core: Any = start.scorer.core
        core.requires_grad_(False)
        width, generator = int(core.config.get_text_config().hidden_size), torch.Generator().manual_seed(start.seed)
        self.core, self.paths, self.added = core, paths, list[Bottleneck]()
        sizes = dict(zip(BOTTLENECKS, (self.parallel, self.serial), strict=True))
        for path in paths:
            place = next(core.get_submodule(path).parameters()).device
            for kind, size in sizes.items():
                if size:
                    made = Bottleneck(width, size)
                    made.down.data.copy_(torch.randn(size, width, generator=generator) / width**0.5)
                    attach_bottleneck(core, path, kind, made.to(place))
                    self.added.append(made)
        self.size = sum(each.numel() for each in core.parameters())

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
