"""Gradient entanglement: whether a step on a margin loss moves both responses of a pair in the same direction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.functional.numerics import wide_dtype

__all__ = ["PULLS", "VERDICTS", "Entanglement", "entanglement", "pulls"]

#: The effect of a step on the two likelihoods, to first order.
VERDICTS = ("desired", "both up", "both down")


@dataclass(frozen=True)
class Entanglement:
    """The effect of a small step on a margin loss on the likelihoods of B pairs.

    Args:
        inner: [B] ⟨a_w, a_l⟩, where a = ∇_θ log π(y|x) of the whole response.
        chosen_square: [B] |a_w|².
        rejected_square: [B] |a_l|².
        chosen_pull: [B] d_w = −∂loss/∂log π(y_w|x), above 0.
        rejected_pull: [B] d_l = ∂loss/∂log π(y_l|x), above 0.

    Example:
        >>> one = torch.ones(1)
        >>> same = Entanglement(inner=one, chosen_square=one, rejected_square=one, chosen_pull=one, rejected_pull=one)
        >>> same.condition, same.chosen_change, same.verdicts
        (tensor([1.]), tensor([0.]), ['desired'])

    Reference:
        Yuan et al. (2024), A Common Pitfall of Margin-based Language Model Alignment: Gradient Entanglement,
        arXiv:2410.13828.
    """

    inner: Tensor
    chosen_square: Tensor
    rejected_square: Tensor
    chosen_pull: Tensor
    rejected_pull: Tensor

    @property
    def cosine(self) -> Tensor:
        """[B] cosine of the two gradients; 0 where one of them is 0."""
        size = (self.chosen_square * self.rejected_square).sqrt()
        return torch.where(size > 0, self.inner / torch.where(size > 0, size, 1.0), 0.0)

    @property
    def condition(self) -> Tensor:
        """[B] κ = ⟨a_w, a_l⟩ / min(|a_w|², |a_l|²); with equal pulls, ≤ 1 if and only if the step is as desired.

        The published diagnostic uses the norm of the chosen response twice in its minimum; this is the true minimum.
        """
        smaller = torch.minimum(self.chosen_square, self.rejected_square)
        return torch.where(smaller > 0, self.inner / torch.where(smaller > 0, smaller, 1.0), 0.0)

    @property
    def chosen_change(self) -> Tensor:
        """[B] change of log π(y_w|x) per unit of step size: d_w |a_w|² − d_l ⟨a_w, a_l⟩."""
        return self.chosen_pull * self.chosen_square - self.rejected_pull * self.inner

    @property
    def rejected_change(self) -> Tensor:
        """[B] change of log π(y_l|x) per unit of step size: d_w ⟨a_w, a_l⟩ − d_l |a_l|²."""
        return self.chosen_pull * self.inner - self.rejected_pull * self.rejected_square

    @property
    def verdicts(self) -> list[str]:
        """For each pair ``desired`` (chosen not down, rejected not up), ``both up`` or ``both down``."""
        up, down = self.rejected_change > 0, self.chosen_change < 0
        # Never both: their product would need ⟨a_w, a_l⟩² > |a_w|² |a_l|².
        return [
            VERDICTS[1] if one else VERDICTS[2] if other else VERDICTS[0] for one, other in zip(up, down, strict=True)
        ]

    def summary(self) -> dict[str, float]:
        """Means over pairs, and the share of each verdict."""
        means = {
            "inner_product": self.inner,
            "cosine": self.cosine,
            "norm_chosen": self.chosen_square.sqrt(),
            "norm_rejected": self.rejected_square.sqrt(),
            "condition": self.condition,
        }
        shares = {f"share_{name.replace(' ', '_')}": self.verdicts.count(name) / len(self.inner) for name in VERDICTS}
        return {**{name: float(values.double().mean()) for name, values in means.items()}, **shares}


def entanglement(
    chosen: Tensor, rejected: Tensor, chosen_pull: Tensor | float = 1.0, rejected_pull: Tensor | float = 1.0
) -> Entanglement:
    """Entanglement of pairs from their gradients.

    A step of size s on a loss changes, to first order,
    log π(y_w|x) by s (d_w |a_w|² − d_l ⟨a_w, a_l⟩) and log π(y_l|x) by s (d_w ⟨a_w, a_l⟩ − d_l |a_l|²).

    Args:
        chosen: [B, P] gradients a_w of the chosen responses' log-probabilities, summed over tokens.
        rejected: [B, P] gradients a_l of the rejected ones'.
        chosen_pull: d_w, above 0; [B] or a number. Equal pulls are those of DPO, IPO and SLiC; see `pulls`.
        rejected_pull: d_l, above 0.

    Raises:
        ConfigurationError: the shapes do not fit, or a pull is not above 0.

    Example:
        >>> entanglement(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 1.0]])).verdicts
        ['both down']
    """
    _check_shapes(chosen, rejected)
    wide = torch.promote_types(wide_dtype(chosen.dtype), wide_dtype(rejected.dtype))
    one, other = chosen.to(wide), rejected.to(wide)
    inner = (one * other).sum(-1)
    weights = [
        torch.as_tensor(pull, dtype=wide, device=one.device).expand_as(inner) for pull in (chosen_pull, rejected_pull)
    ]
    if not all(bool((weight > 0).all()) for weight in weights):
        raise ConfigurationError(
            "A pull is not above 0.", why="A margin loss raises the chosen and lowers the rejected response."
        )
    return Entanglement(inner, one.square().sum(-1), other.square().sum(-1), *weights)


def _check_shapes(chosen: Tensor, rejected: Tensor) -> None:
    if chosen.dim() != 2 or chosen.shape != rejected.shape:
        raise ConfigurationError(
            f"The gradients have shapes {list(chosen.shape)} and {list(rejected.shape)}, "
            "expected [pairs, parameters] twice."
        )


def pulls(
    form: str, chosen_length: Tensor | float, rejected_length: Tensor | float, lambda_: float = 0.0
) -> tuple[Tensor | float, Tensor | float]:
    """The pulls of a loss on the two log-probabilities of a pair, up to a common factor.

    ``sum``: 1, 1 (DPO, IPO, SLiC);   ``mean``: 1/|y_w|, 1/|y_l| (SimPO, and losses of averages);
    ``dpop``: 1 + λ, 1 (DPOP while its penalty is active);   ``nll``: 1 + λ, 1 (a likelihood term of weight λ, in units
    of the margin's own pull)

    Args:
        form: one of the four.
        chosen_length: |y_w|, tokens.
        rejected_length: |y_l|, tokens.
        lambda_: λ, at least 0.

    Raises:
        ConfigurationError: there is no such form.

    Example:
        >>> pulls("mean", 4.0, 2.0), pulls("dpop", 4.0, 2.0, lambda_=5.0)
        ((0.25, 0.5), (6.0, 1.0))
    """
    if form not in PULLS:
        raise ConfigurationError(f"There is no form of loss {form!r}.", fix=nearest(form, PULLS))
    if form == "mean":
        return 1 / chosen_length, 1 / rejected_length
    return (1.0 if form == "sum" else 1.0 + lambda_), 1.0


#: Forms of losses that `pulls` knows.
PULLS = ("sum", "mean", "dpop", "nll")
