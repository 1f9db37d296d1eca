"""f-DPO: direct preference optimization under other divergences than the reverse KL."""

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

#: The largest exponent: e⁸⁰ and its multiples stay finite in float32.
_LARGEST = 80.0


class FDPO(Objective):
    """f-DPO, DPO with an f-divergence (Wang, Jiang, Yang, Liu, Chen, 2023).

    loss = −log σ(β (g(Δ_chosen) − g(Δ_rejected))),   g(Δ) = f'(e^Δ),   Δ = log π(y|x) − log π_ref(y|x)   (summed, nats)

    ``reverse_kl``: g = Δ, which is DPO. ``forward_kl``: g = −e^(−Δ). ``js``: g = log 2 + log σ(Δ). ``alpha``:
    g = (1 − e^(−α Δ)) / α, which tends to the reverse KL as α → 0 and is the forward KL, up to a constant that cancels,
    at α = 1. α is that of the paper; some libraries write g = e^((a − 1) Δ) / (a − 1), and their a is 1 − α.
    Only the reverse KL depends on the difference of the two Δ alone. Exponents are held at 80: below Δ = −80 nats
    (−80 / α) a response has no gradient, and everything stays finite.

    In Python any other f is given by its derivative, ``FDPO(derivative=lambda u: u.log())``. It must be invertible on
    u > 0 and not defined at 0, else the optimal policy may leave responses out. Here Δ is held within ±40. The
    derivative is no hyper-parameter: whoever builds the objective again gives it again.

    Args:
        derivative: f'(u) of the density ratio u = π / π_ref, elementwise, in place of ``divergence``.
        hyper: hyper-parameters by name.

    Raises:
        ConfigurationError: the derivative is no function, or gives no tensor of the shape that it gets.

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

    beta: Annotated[float, Gt(0), "strength of the divergence's constraint"] = 0.1
    divergence: Annotated[
        Literal["reverse_kl", "forward_kl", "js", "alpha"], "divergence of the policy from the reference"
    ] = "js"
    alpha: Annotated[float, Interval(gt=0, le=1), "α of the alpha divergence, in the paper's convention"] = 0.5

    def __init__(self, derivative: Callable[[Tensor], Tensor] | None = None, **hyper: Any) -> None:
        super().__init__(**hyper)
        if derivative is not None and not callable(derivative):
            raise ConfigurationError(
                f"'derivative' is {derivative!r}, expected a function of a tensor.",
                where="objective f-dpo",
                fix="Give f'(u) itself, for example `lambda u: u.log()`.",
            )
        self.derivative = derivative

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        return logistic(self.beta * (self._slope(chosen.logratio) - self._slope(rejected.logratio)))

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β g(Δ) of each response, up to a constant that makes it 0 at Δ = 0, [R], no gradient."""
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
        # Half the exponent: a derivative such as −1/u is itself differentiated, and then is 1/u².
        ratio = logratio.clamp(-_LARGEST / 2, _LARGEST / 2).exp()
        slope = derivative(ratio)
        if not isinstance(slope, Tensor) or slope.shape != ratio.shape:
            told = list(slope.shape) if isinstance(slope, Tensor) else type(slope).__name__
            raise ConfigurationError(
                f"The derivative gave {told}, expected a tensor of shape {list(ratio.shape)}.",
                where="objective f-dpo",
                fix="Write f'(u) with elementwise operations of torch.",
            )
        return slope

    def extra_repr(self) -> str:
        """The hyper-parameters, and the derivative where one was given."""
        return super().extra_repr() + ("" if self.derivative is None else f", derivative={self.derivative!r}")
