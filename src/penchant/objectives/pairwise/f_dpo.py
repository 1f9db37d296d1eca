"""f-DPO: DPO with f-divergences other than the reverse KL."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt, Interval
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logistic

__all__ = ["FDPO"]

#: The largest exponent: e⁸⁰ and small multiples of it are finite in float32.
_LARGEST = 80.0


class FDPO(Objective):
    """f-DPO, DPO with an f-divergence (Wang, Jiang, Yang, Liu, Chen, 2023).

    loss = −log σ(β (g(Δ_chosen) − g(Δ_rejected))),   g(Δ) = f'(e^Δ),   Δ = log π(y|x) − log π_ref(y|x)   (summed, nats)

    ``reverse_kl``: g = Δ, which is DPO. ``forward_kl``: g = −e^(−Δ). ``js``: g = log 2 + log σ(Δ). ``alpha``:
    g = (1 − e^(−α Δ)) / α, which tends to the reverse KL as α → 0 and is the forward KL, up to a constant that cancels,
    at α = 1. α follows the paper; some libraries write g = e^((a − 1) Δ) / (a − 1) with a = 1 − α. Only the reverse KL
    depends on nothing but the difference of the two Δ. Exponents are clamped at 80: below Δ = −80 nats (−80 / α) the
    gradient of a response is zero, and all values stay finite.

    In Python, pass the derivative of any other f: ``FDPO(derivative=lambda u: u.log())``. It must be invertible on u >
    0 and undefined at 0; otherwise the optimal policy can assign probability 0. Δ is then clamped to ±40. The
    derivative is not a hyper-parameter and must be passed again when the objective is rebuilt.

    Args:
        derivative: f'(u) of the density ratio u = π / π_ref, elementwise, instead of ``divergence``.
        hyper: hyper-parameters by name.

    Raises:
        ConfigurationError: the derivative is not a function, or does not return a tensor of its input's shape.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> FDPO(divergence="forward_kl")(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Wang, Jiang, Yang, Liu, Chen (2023), Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse
        Divergence Constraints.
    """

    id = "f-dpo"
    paper = "arXiv:2309.16240"
    evidence = OFFICIAL_CODE
    tags = ("divergence",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "weight β of the divergence from the reference"] = 0.1
    divergence: Annotated[
        Literal["reverse_kl", "forward_kl", "js", "alpha"], "f-divergence between policy and reference"
    ] = "js"
    alpha: Annotated[float, Interval(gt=0, le=1), "α of the alpha divergence, in the paper's convention"] = 0.5

    def __init__(self, derivative: Callable[[Tensor], Tensor] | None = None, **hyper: Any) -> None:
        super().__init__(**hyper)
        if derivative is not None and not callable(derivative):
            raise ConfigurationError(
                f"'derivative' is {derivative!r}, expected a function of a tensor.",
                where="objective f-dpo",
                fix="Pass f'(u) itself, for example `lambda u: u.log()`.",
            )
        self.derivative = derivative

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return logistic(self.beta * (self._slope(chosen.logratio) - self._slope(rejected.logratio)))

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β g(Δ) of each response, shifted to 0 at Δ = 0, [R], without gradient."""
        return (self.beta * (self._slope(view.logratio) - self._slope(torch.zeros_like(view.logratio)))).detach()

    def _slope(self, logratio: Tensor) -> Tensor:
        """g(Δ) = f'(e^Δ)."""
        if self.derivative is not None:
            return self._given_slope(self.derivative, logratio)
        if self.divergence == "reverse_kl":
            return logratio
        if self.divergence == "js":
            return math.log(2) + logsigmoid(logratio)
        alpha = 1.0 if self.divergence == "forward_kl" else self.alpha
        return -torch.expm1((-alpha * logratio).clamp(max=_LARGEST)) / alpha

    @staticmethod
    def _given_slope(derivative: Callable[[Tensor], Tensor], logratio: Tensor) -> Tensor:
        # Half the exponent: backpropagation differentiates a derivative such as −1/u again, to 1/u².
        ratio = logratio.clamp(-_LARGEST / 2, _LARGEST / 2).exp()
        slope = derivative(ratio)
        if not isinstance(slope, Tensor) or slope.shape != ratio.shape:
            found = list(slope.shape) if isinstance(slope, Tensor) else type(slope).__name__
            raise ConfigurationError(
                f"The derivative returned {found}, expected a tensor of shape {list(ratio.shape)}.",
                where="objective f-dpo",
                fix="Write f'(u) with elementwise operations of torch.",
            )
        return slope

    def extra_repr(self) -> str:
        """The hyper-parameters, and the derivative if given."""
        return super().extra_repr() + ("" if self.derivative is None else f", derivative={self.derivative!r}")
