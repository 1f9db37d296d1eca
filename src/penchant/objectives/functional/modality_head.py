"""CRMT: a classifier on several modalities with orthogonal rows, its loss, and its certified radius."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["OrthogonalFusion", "certified_radius", "joint_loss", "orthogonal_rows"]


def orthogonal_rows(weight: Tensor, group: int = 1) -> Tensor:
    """Rows with mean 0 that are orthonormal inside each group.

    W̃ = (Z Zᵀ)^(−½) Z,   Z the rows of a group, each less its mean

    With groups of one row each row is centred and divided by its norm, as in the published code.

    Args:
        weight: [C, D].
        group: rows in each group; C is a multiple of it, and D is larger than it.

    Returns:
        [C, D].

    Example:
        >>> orthogonal_rows(torch.tensor([[1.0, 3.0], [5.0, 2.0]]))
        tensor([[-0.7071,  0.7071],
                [ 0.7071, -0.7071]])

    Reference:
        Yang, Lu, Wang, Wei, Hu (2024), Quantifying and Enhancing Multi-modal Robustness with Modality Preference,
        arXiv:2402.06244.
    """
    centred = weight - weight.mean(dim=-1, keepdim=True)
    if group == 1:
        return centred / centred.norm(dim=-1, keepdim=True)
    rows = centred.reshape(-1, group, weight.shape[-1])
    if rows.device.type != "mps":  # which has no float64
        rows = rows.double()  # Z Zᵀ squares the condition of rows that are nearly parallel
    values, vectors = torch.linalg.eigh(rows @ rows.mT)
    whitening = vectors @ torch.diag_embed(values.rsqrt()) @ vectors.mT
    return (whitening @ rows).reshape(weight.shape).to(weight.dtype)


def joint_loss(
    outputs: Sequence[Tensor], logits: Tensor, labels: Tensor, rho: float = 2.0, eps: float = 1e-5
) -> Tensor:
    """CRMT's loss of its first step: cross-entropy, and the margins of every modality on its own.

    loss = CE(logits, y) + ρ log(Σ_m Σ_{k≠y} exp(o_{m,k} − o_{m,y}) + ε)

    Args:
        outputs: for each modality its outputs o_m, [B, C].
        logits: [B, C] of all modalities together.
        labels: [B] the classes y.
        rho: weight ρ of the margins.
        eps: ε under the logarithm.

    Returns:
        [B], nats.

    Example:
        >>> even = torch.zeros(1, 2)
        >>> joint_loss([even], even, torch.tensor([0]), rho=0.0)
        tensor([0.6931])

    Reference:
        Yang, Lu, Wang, Wei, Hu (2024), arXiv:2402.06244.
    """
    entropy = nn.functional.cross_entropy(logits, labels, reduction="none")
    own = labels.unsqueeze(-1)
    # exp(o_y − o_y) = 1 is the term of the class itself, which the sum leaves out.
    others = [(each - each.gather(-1, own)).scatter(-1, own, float("-inf")) for each in outputs]
    every = torch.cat([*others, torch.full_like(others[0][:, :1], eps).log()], dim=-1)
    return entropy + rho * torch.logsumexp(every, dim=-1)


def certified_radius(
    outputs: Sequence[Tensor], scales: Sequence[Tensor], bias: Tensor, labels: Tensor, lipschitz: Sequence[Tensor]
) -> Tensor:
    """How far the inputs of all modalities may move together before the class changes.

    radius = (Σ_m (a_{m,y} o_{m,y} − a_{m,j} o_{m,j}) + b_y − b_j) / √(Σ_m (a_{m,y} L_{m,y} + a_{m,j} L_{m,j})²)

    j is the runner-up: the class with the largest logit beside y. A negative radius is a wrong answer. The bound holds
    where L_{m,k} bounds the gradient of o_{m,k} in the inputs of modality m.

    Args:
        outputs: for each modality its outputs o_m, [B, C].
        scales: for each modality its factors a_m, [C].
        bias: [C].
        labels: [B] the classes y.
        lipschitz: for each modality the Lipschitz constants L_m of its outputs, [C].

    Returns:
        [B], in the unit of the inputs.

    Example:
        >>> one = torch.ones(2)
        >>> certified_radius([torch.tensor([[3.0, 1.0]])], [one], 0 * one, torch.tensor([0]), [one])
        tensor([1.])

    Reference:
        Yang, Lu, Wang, Wei, Hu (2024), arXiv:2402.06244.
    """
    own = labels.unsqueeze(-1)
    terms = [scale * each for scale, each in zip(scales, outputs, strict=True)]
    logits = torch.stack(terms).sum(dim=0) + bias
    second = logits.scatter(-1, own, float("-inf")).argmax(dim=-1)
    margin = logits.gather(-1, own).squeeze(-1) - logits.gather(-1, second.unsqueeze(-1)).squeeze(-1)
    slopes = [scale.abs() * each for scale, each in zip(scales, lipschitz, strict=True)]
    steps = torch.stack([slope[labels] + slope[second] for slope in slopes])
    return margin / steps.square().sum(dim=0).sqrt()


class OrthogonalFusion(nn.Module):
    """A linear classifier on the features of several modalities, with orthogonal rows for each.

    o_m = x_m W̃_mᵀ,   logits = Σ_m a_m ⊙ o_m + b

    Each output has slope 1 in its own features, so that only the factors a_m decide how much a modality counts.

    Args:
        dimensions: the number of features of each modality.
        classes: number of classes C.
        group: rows that are orthogonal to one another, see `orthogonal_rows`.
        scale: first value of every a.

    Example:
        >>> fusion = OrthogonalFusion([4, 5], classes=3)
        >>> outputs, logits = fusion(torch.zeros(2, 9))
        >>> len(outputs), logits.shape
        (2, torch.Size([2, 3]))

    Reference:
        Yang, Lu, Wang, Wei, Hu (2024), arXiv:2402.06244.
    """

    def __init__(self, dimensions: Sequence[int], classes: int, group: int = 1, scale: float = 0.1) -> None:
        super().__init__()
        self.dimensions, self.group = list(dimensions), group
        drawn = nn.Linear(sum(self.dimensions), classes)
        self.weight, self.bias = drawn.weight, drawn.bias
        self.scales = nn.ParameterList(torch.full((classes,), scale) for _ in self.dimensions)

    def forward(self, features: Tensor) -> tuple[list[Tensor], Tensor]:
        """The outputs of every modality, [B, C] each, and the logits, [B, C].

        Args:
            features: [B, D], the modalities beside one another.
        """
        parts = zip(features.split(self.dimensions, -1), self.weight.split(self.dimensions, -1), strict=True)
        outputs = [part @ orthogonal_rows(weight, self.group).T for part, weight in parts]
        terms = [scale * each for scale, each in zip(self.scales, outputs, strict=True)]
        return outputs, torch.stack(terms).sum(dim=0) + self.bias

    def radius(self, features: Tensor, labels: Tensor) -> Tensor:
        """The certified radius of each example, [B], in the unit of the features; see `certified_radius`.

        Args:
            features: [B, D].
            labels: [B].
        """
        outputs, _ = self(features)
        scales = list(self.scales)
        # The rows have norm 1, so every output has slope 1.
        return certified_radius(outputs, scales, self.bias, labels, [torch.ones_like(scale) for scale in scales])
