"""`Masked`, the base of strategies that freeze a share of the weights, number by number."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Gt, Le
from torch import Tensor, nn

from penchant.errors import CheckpointError
from penchant.training.parameters.attribution import top_share
from penchant.training.parameters.strategy import Start, Strategy

__all__ = ["Masked", "packed", "unpacked"]


def packed(mask: Tensor) -> Tensor:
    """A boolean mask as bytes of eight weights each.

    Example:
        >>> packed(torch.tensor([True, False, False, False, False, False, False, True, True])).tolist()
        [129, 128]
    """
    return torch.from_numpy(np.packbits(mask.flatten().cpu().numpy()))


def unpacked(bits: Tensor, shape: torch.Size) -> Tensor:
    """The mask of `packed`.

    Args:
        bits: the bytes.
        shape: of the mask.
    """
    flat = np.unpackbits(bits.numpy(), count=shape.numel())
    return torch.from_numpy(flat).bool().view(shape)


class Masked(Strategy):
    """Moves the weights with the highest scores, over all tensors together; the others stay as they are, bit for bit.

    Their gradients are zero, so they count neither in the clipped norm nor in the optimizer's state, and whatever an
    optimizer does to weights without a gradient (weight decay, mixing of rows) is undone after its step. A subclass
    says what the score of a weight is.
    """

    ratio: Annotated[float, Gt(0), Le(1), "share of the weights that move; 1 moves all"] = 0.95

    #: Trained weights by name with what is frozen of them and its values.
    held: list[tuple[nn.Parameter, Tensor, Tensor]]

    @abstractmethod
    def scores(self, start: Start) -> dict[str, Tensor]:
        """The score of every trained weight, at least 0, by the name of its tensor."""

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        self._hold(start, top_share(self.scores(start), self.ratio))

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`.

        Raises:
            CheckpointError: the mask is of another model.
        """
        trained = _trained(start)
        masks: Mapping[str, Tensor] = state.get("mask", {})
        if masks.keys() != trained.keys():
            raise CheckpointError(
                "The mask in the checkpoint is not that of this model's weights.",
                fix="Start again with --overwrite, or restore the checkpoint.",
            )
        self._hold(start, {name: unpacked(masks[name], each.shape).to(each.device) for name, each in trained.items()})

    def _hold(self, start: Start, masks: Mapping[str, Tensor]) -> None:
        self.names = list(masks)
        trained = _trained(start)
        frozen = {name: ~mask for name, mask in masks.items()}
        self.held = [(trained[name], each, trained[name].detach()[each].clone()) for name, each in frozen.items()]

    def after_backward(self) -> None:
        """See `Strategy.after_backward`."""
        for weight, frozen, _values in self.held:
            if weight.grad is not None:
                weight.grad.masked_fill_(frozen, 0.0)

    def after_step(self) -> None:
        """See `Strategy.after_step`."""
        for weight, frozen, values in self.held:
            weight.data.masked_scatter_(frozen, values)

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`: one bit a weight, 1 where it moves."""
        masks = zip(self.names, self.held, strict=True)
        return {"mask": {name: packed(~frozen) for name, (_weight, frozen, _values) in masks}}

    def facts(self) -> dict[str, Any]:
        """See `Strategy.facts`."""
        size = sum(frozen.numel() for _weight, frozen, _values in self.held)
        moving = size - sum(values.numel() for _weight, _frozen, values in self.held)
        return {"trained_parameters": moving, "trained_share": moving / size}


def _trained(start: Start) -> dict[str, nn.Parameter]:
    return {name: each for name, each in start.model.named_parameters() if each.requires_grad}
