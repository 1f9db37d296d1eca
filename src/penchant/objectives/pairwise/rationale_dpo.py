"""Rationale-DPO: DPO, and the likelihood of a text that says why the chosen response is better."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["RationaleDPO"]


class RationaleDPO(Objective):
    """RDPO, DPO with rationales (Just, Jin, Sahu, Phan, Jia, 2024), as in its published code.

    loss = −log σ(β (Δ_chosen − Δ_rejected)) − log σ(γ log π(q|x, y_1, y_2)),   Δ = log π(y|x) − log π_ref(y|x)

    Sums over tokens, nats. q is the rationale: a text that answers which of the two responses is preferable and why.
    It is scored by the policy alone. The paper states the second term as −γ log π(q|·), which
    ``rationale_form="nll"`` is; the code that published the results wraps it in a log-sigmoid, which pulls half as hard
    where the rationale is likely. With γ = 0 the loss is that of DPO plus log 2.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> RationaleDPO(rationale_form="nll", gamma=0.1)(chosen=equal, rejected=equal, rationale=equal).values
        tensor([0.9931])

    Reference:
        Just, Jin, Sahu, Phan, Jia (2024), Data-Centric Human Preference Optimization with Rationales.
    """

    id = "rationale-dpo"
    paper = "arXiv:2407.14477"
    evidence = OFFICIAL_CODE
    tags = ("rationale",)
    exempt = Exempt(zero_margin="rationales of different lengths have different log-probabilities")
    needs = Needs(reference=True, unreferenced=frozenset({"rationale"}))

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    gamma: Annotated[float, Ge(0), "weight of the rationale's log-probability (the code's example also has 0.001)"] = (
        0.1
    )
    rationale_form: Annotated[
        Literal["logsigmoid", "nll"], "the rationale's term: of the published code, or of the paper"
    ] = "logsigmoid"

    def loss(self, chosen: Scored, rejected: Scored, rationale: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        reason = self.gamma * rationale.logp
        told = logsigmoid(reason) if self.rationale_form == "logsigmoid" else reason
        return logistic(self.beta * logratio_margin(chosen, rejected)) - told
