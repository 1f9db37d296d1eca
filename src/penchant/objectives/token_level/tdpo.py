"""TDPO in two forms: DPO with the divergence from the reference at every position of a response."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["TDPO1", "TDPO2"]

#: The divergence at each position; the mass is the reference's.
DIVERGENCE = "reference_kl"


class _SequentialDivergence(Objective):
    """Base class of both forms: the summed divergence of a response, and the reward that the paper derives."""

    paper = "arXiv:2404.11999"
    evidence = OFFICIAL_CODE
    tags: ClassVar[tuple[str, ...]] = ("divergence",)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )

    def _totals(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, Tensor]:
        """K of both responses, [B] each, nats."""
        return _total(chosen), _total(rejected)

    def rewards(self, view: Scored) -> Tensor | None:
        """The reward β (log π − log π_ref + K) of each response, [R], without gradient."""
        if DIVERGENCE not in view.stats or view.reference is None:
            return super().rewards(view)
        return (self.beta * (view.logratio + _total(view))).detach()


def _total(view: Scored) -> Tensor:
    return masked_sum(view.stat(DIVERGENCE), view.mask)


class TDPO1(_SequentialDivergence):
    """Token-level Direct Preference Optimization, TDPO1 (Zeng et al., 2024), eq. 15.

    loss = −log σ(β [u − (K_rejected − K_chosen)]),   u = Δ_chosen − Δ_rejected,   K = Σ_t KL(π_ref ‖ π)_t

    Δ is the log-ratio of a response (nats), K the sum over its positions of the divergence over the vocabulary, with
    the mass of the reference, as in the published code. A rejected response is pushed towards the reference, a chosen
    one away from it. Without divergence it is DPO.

    Example:
        >>> import torch
        >>> one, level = torch.ones(1, 2, dtype=torch.bool), torch.full((1, 2), -1.0)
        >>> view = Scored(level, level, one, stats={"reference_kl": torch.full((1, 2), 0.5)})
        >>> TDPO1()(chosen=view, rejected=view).values
        tensor([0.6931])

    Reference:
        Zeng, Liu, Ma, Yang, Zhang, Wang (2024), Token-level Direct Preference Optimization.
    """

    id = "tdpo1"
    needs = Needs(reference=True, stats=frozenset({DIVERGENCE}), stats_cancel=True)

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], and K of both responses."""
        better, worse = self._totals(chosen, rejected)
        margin = logratio_margin(chosen, rejected) - (worse - better)
        return logistic(self.beta * margin), {"position_kl/chosen": better, "position_kl/rejected": worse}


class TDPO2(_SequentialDivergence):
    """Token-level Direct Preference Optimization, TDPO2 (Zeng et al., 2024), eq. 17.

    loss = −log σ(β [u − α (K_rejected − sg(K_chosen))]),   u = Δ_chosen − Δ_rejected,   K = Σ_t KL(π_ref ‖ π)_t

    As ``tdpo1``, with a weight α of the divergences and no gradient through that of the chosen response (sg), which is
    therefore not pushed away from the reference. α = 0 is DPO.

    Example:
        >>> import torch
        >>> one, level = torch.ones(1, 2, dtype=torch.bool), torch.full((1, 2), -1.0)
        >>> view = Scored(level, level, one, stats={"reference_kl": torch.full((1, 2), 0.5)})
        >>> TDPO2(alpha=0.5)(chosen=view, rejected=view).values
        tensor([0.6931])

    Reference:
        Zeng, Liu, Ma, Yang, Zhang, Wang (2024), Token-level Direct Preference Optimization.
    """

    id = "tdpo2"
    needs = Needs(reference=True, stats=frozenset({DIVERGENCE}), stats_fixed=frozenset({"chosen"}))

    alpha: Annotated[float, Ge(0), "weight of the divergences"] = 0.5

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], and K of both responses."""
        better, worse = self._totals(chosen, rejected)
        margin = logratio_margin(chosen, rejected) - self.alpha * (worse - better.detach())
        return logistic(self.beta * margin), {"position_kl/chosen": better, "position_kl/rejected": worse}
