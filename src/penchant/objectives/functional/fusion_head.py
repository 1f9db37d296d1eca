"""A classifier on the hidden states of several texts, with orthogonal rows for each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.modality_head import certified_radius, orthogonal_rows
from penchant.objectives.functional.perceptrons import normal_start

__all__ = ["FusionHead"]


class FusionHead(Head):
    """CRMT's head on the states of M modalities, created once their size is known.

    o_m = W̃_m x_m,   logits = Σ_m a_m ⊙ o_m + b

    Each output has slope 1 in its own state, so that only the factors a_m decide how much a modality counts. The
    weights depend on the seed of torch alone; b starts at 0.

    Args:
        modalities: M.
        classes: C.
        group: rows that are orthogonal to one another, see `orthogonal_rows`.
        scale: first value of every factor a.

    Example:
        >>> head = FusionHead(modalities=2, classes=3)
        >>> head.bind(4)
        >>> head.logits(head.of_states([torch.zeros(1, 4), torch.zeros(1, 4)])).tolist()
        [[0.0, 0.0, 0.0]]

    Reference:
        Yang, Lu, Wang, Wei, Hu (2024), arXiv:2402.06244.
    """

    def __init__(self, modalities: int, classes: int, group: int = 1, scale: float = 0.1) -> None:
        super().__init__(modalities * classes, bias=None)
        self.modalities, self.group = modalities, group
        self.bias = nn.Parameter(torch.zeros(classes))
        self.scales = nn.ParameterList(torch.full((classes,), scale) for _ in range(modalities))

    def _start(self, hidden_size: int) -> Tensor:
        return normal_start(self.outputs, hidden_size)

    def of_states(self, states: Sequence[Tensor]) -> list[Tensor]:
        """The outputs o_m of every modality, [B, C] each, in float32 or wider.

        Args:
            states: for each modality [B, D].
        """
        assert self.weight is not None
        dtype = torch.promote_types(states[0].dtype, self.weight.dtype)
        rows = [orthogonal_rows(each.to(dtype), self.group) for each in self.weight.chunk(self.modalities)]
        return [each.to(dtype) @ own.T for each, own in zip(states, rows, strict=True)]

    def logits(self, outputs: Sequence[Tensor], without: int | None = None) -> Tensor:
        """The logits [B, C], of all modalities or of all but one, whose outputs count as 0.

        Args:
            outputs: for each modality [B, C].
            without: the number of a modality, from 0.
        """
        assert self.bias is not None
        terms = [
            torch.zeros_like(each) if place == without else scale.to(each.dtype) * each
            for place, (scale, each) in enumerate(zip(self.scales, outputs, strict=True))
        ]
        return torch.stack(terms).sum(dim=0) + self.bias.to(terms[0].dtype)

    def radius(self, outputs: Sequence[Tensor], labels: Tensor) -> Tensor:
        """The certified radius of each example, [B], in the unit of the states; see `certified_radius`.

        Args:
            outputs: for each modality [B, C].
            labels: [B].
        """
        assert self.bias is not None
        # The rows have norm 1, so every output has slope 1.
        slopes = [torch.ones_like(each) for each in self.scales]
        return certified_radius(outputs, list(self.scales), self.bias, labels, slopes)
