"""KTO as its authors' code computes it: another mean of the reference point, and clamped token ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum
from penchant.objectives.functional.utilities import kahneman_tversky

__all__ = ["HALOsKTO"]


class HALOsKTO(Objective):
    """Kahneman-Tversky Optimization as in HALOs, the code of its authors (Ethayarajh et al., 2024).

    loss = λ (1 − σ(±β (d − z₀))),   z₀ = max(0, Σ_i d(y_j(i)|x_i) / #{i : d(y_j(i)|x_i) ≠ 0})

    As ``kto``, but mismatched responses whose log-ratio is exactly 0 are not counted. With ``humanline`` the log-ratio
    of each token is clamped to [``log_epsilon_P``, ``log_epsilon_R``] before it is summed, for responses and mismatched
    responses; clamped tokens get no gradient.

    Example:
        >>> equal = Scored(torch.full((2, 1), -1.0), torch.full((2, 1), -1.0), torch.ones(2, 1, dtype=torch.bool))
        >>> HALOsKTO()(responses=equal, label=torch.tensor([1.0, 0.0]), mismatched=equal).values
        tensor([0.5000, 0.5000])

    Reference:
        Ethayarajh, Xu, Muennighoff, Jurafsky, Kiela (2024), KTO: Model Alignment as Prospect Theoretic Optimization.
    """

    id = "kto-halos"
    paper = "arXiv:2402.01306"
    evidence = OFFICIAL_CODE
    tags = ("batch", "utility")
    needs = Needs(reference=True)
    batch_coupled = True

    beta: Annotated[float, Gt(0), "slope of the value function, per nat"] = 0.1
    desirable_weight: Annotated[float, Ge(0), "weight λ_D of desirable responses"] = 1.0
    undesirable_weight: Annotated[float, Ge(0), "weight λ_U of undesirable responses"] = 1.0
    humanline: Annotated[bool, "clamp the log-ratio of each token"] = False
    log_epsilon_p: Annotated[float, "lower bound of a token's log-ratio with humanline, nats"] = -1.0
    log_epsilon_r: Annotated[float, "upper bound of a token's log-ratio with humanline, nats"] = 1.5

    def loss(self, responses: Scored, label: Tensor, mismatched: Scored) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per response, [B], with the ``reference_point`` of the batch, nats."""
        ratios = self._ratios(mismatched).detach()
        counted = (ratios != 0).sum().clamp(min=1)
        point = (ratios.sum() / counted).clamp(min=0)
        gain = self._ratios(responses) - point
        values = kahneman_tversky(gain, label, self.beta, self.desirable_weight, self.undesirable_weight)
        return values, {"reference_point": point.expand(len(values))}

    def _ratios(self, view: Scored) -> Tensor:
        """The log-ratio of each response, [R]."""
        if not self.humanline:
            return view.logratio
        return masked_sum(view.token_logratio.clamp(self.log_epsilon_p, self.log_epsilon_r), view.mask)
