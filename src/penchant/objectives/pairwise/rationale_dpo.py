"""Rationale-DPO: DPO plus the likelihood of a rationale that explains the preference."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.former import Former
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["RationaleDPO", "RationaleDPONLL"]


class _WithRationale(Objective):
    """Base class of both forms: DPO, and a weighted, reference-free rationale term."""

    paper = "arXiv:2407.14477"
    tags = ("rationale",)
    exempt = Exempt(zero_margin="rationales of different lengths have different log-probabilities")
    needs = Needs(reference=True, unreferenced=frozenset({"rationale"}))

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    gamma: Annotated[
        float, Ge(0), "weight of the rationale's log-probability (the example in the code also uses 0.001)"
    ] = 0.1

    def _preference(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The DPO loss, [B]."""
        return logistic(self.beta * logratio_margin(chosen, rejected))


class RationaleDPO(_WithRationale):
    """RDPO, DPO with rationales (Just, Jin, Sahu, Phan, Jia, 2024), as in its published code.

    loss = −log σ(β (Δ_chosen − Δ_rejected)) − log σ(γ log π(q|x, y_1, y_2)),   Δ = log π(y|x) − log π_ref(y|x)

    Sums over tokens, nats. q is the rationale: a text that states which of the two responses is preferable and why.
    Only the policy scores it. The paper states the second term as −γ log π(q|·), which is ``rationale-dpo-nll``; the
    gradient of the log-sigmoid is half as large for likely rationales. With γ = 0 the loss is that of DPO plus log 2.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> RationaleDPO(gamma=0.0)(chosen=equal, rejected=equal, rationale=equal).values  # 2 log 2
        tensor([1.3863])

    Reference:
        Just, Jin, Sahu, Phan, Jia (2024), Data-Centric Human Preference Optimization with Rationales.
    """

    id = "rationale-dpo"
    evidence = OFFICIAL_CODE
    former = (
        Former("rationale_form", by_value={"logsigmoid": "Leave it out.", "nll": "Use objective rationale-dpo-nll."}),
    )

    def loss(self, chosen: Scored, rejected: Scored, rationale: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return self._preference(chosen, rejected) - logsigmoid(self.gamma * rationale.logp)


class RationaleDPONLL(_WithRationale):
    """RDPO, DPO with rationales (Just, Jin, Sahu, Phan, Jia, 2024), as the paper states it.

    loss = −log σ(β (Δ_chosen − Δ_rejected)) − γ log π(q|x, y_1, y_2),   Δ = log π(y|x) − log π_ref(y|x)

    Like ``rationale-dpo``, but with the log-probability of the rationale itself. With γ = 0 it is DPO.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> RationaleDPONLL(gamma=0.1)(chosen=equal, rejected=equal, rationale=equal).values
        tensor([0.9931])

    Reference:
        Just, Jin, Sahu, Phan, Jia (2024), Data-Centric Human Preference Optimization with Rationales.
    """

    id = "rationale-dpo-nll"
    evidence = PAPER

    def loss(self, chosen: Scored, rejected: Scored, rationale: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return self._preference(chosen, rejected) - self.gamma * rationale.logp
