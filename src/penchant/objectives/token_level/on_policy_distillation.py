"""On-policy distillation: the policy's distribution at each token is brought to that of a teacher."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.token_statistic import TokenStatistic
from penchant.objectives.functional.surrogates import mean_of_responses, over_batch_tokens

__all__ = ["OnPolicyDistillation", "generalised_jsd"]


def generalised_jsd(
    log_probs: Tensor, ids: Tensor, reference: Tensor | None, beta: float = 0.5, temperature: float = 1.0
) -> Tensor:
    """The generalised Jensen-Shannon divergence between a teacher T and a student S at each position.

    beta KL(T ‖ M) + (1 − beta) KL(S ‖ M),   M = beta T + (1 − beta) S;   KL(T ‖ S) at 0, KL(S ‖ T) at 1

    Args:
        log_probs: [K, V] log-probabilities of the student.
        ids: [K] not read.
        reference: [K, V] those of the teacher.
        beta: in [0, 1].
        temperature: divisor of both models' logits.

    Returns:
        [K], nats.

    Example:
        >>> half, other = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
        >>> generalised_jsd(half, torch.tensor([0]), other, beta=0.0)
        tensor([0.1308])
    """
    assert reference is not None
    student = torch.log_softmax(log_probs / temperature, -1)
    teacher = torch.log_softmax(reference / temperature, -1)
    if beta == 0:
        return (teacher.exp() * (teacher - student)).sum(-1)
    if beta == 1:
        return (student.exp() * (student - teacher)).sum(-1)
    weights = log_probs.new_tensor([beta, 1 - beta]).log()
    mixed = torch.logaddexp(teacher + weights[0], student + weights[1])
    far = (teacher.exp() * (teacher - mixed)).sum(-1)
    near = (student.exp() * (student - mixed)).sum(-1)
    return beta * far + (1 - beta) * near


class OnPolicyDistillation(Objective):
    """Generalised Knowledge Distillation, GKD (Agarwal et al., 2024): the teacher is the reference.

    loss = (1 / Σ_i |y_i|) Σ_i Σ_t JSD_beta(T, S)_t   over the tokens of the batch's responses

    JSD_beta = beta KL(T ‖ M) + (1 − beta) KL(S ‖ M),   M = beta T + (1 − beta) S;   KL(T ‖ S) at 0, KL(S ‖ T) at 1

    The sum is over the whole vocabulary, and no gradient passes through the sampling. The responses are the student's
    own samples in an online run (``penchant online on-policy-distillation`` with ``reference`` a teacher's folder), or
    given ones. Logits are divided by ``temperature``, without the factor T². The mixed form is small near 0 and 1: only
    divided by beta (1 − beta) does it tend to the two ends.

    Example:
        >>> one = torch.tensor([[-1.0]])
        >>> objective = OnPolicyDistillation()
        >>> view = Scored(one, one, one < 0, stats={str(objective.statistic): torch.tensor([[0.2]])})
        >>> objective(chosen=view).values
        tensor([0.2000])

    Reference:
        Agarwal, Vieillard, Zhou, Stanczyk, Ramos, Geist, Bachem (2024), On-Policy Distillation of Language Models:
        Learning from Self-Generated Mistakes.
    """

    id = "on-policy-distillation"
    paper = "arXiv:2306.13649"
    evidence = OFFICIAL_CODE
    tags = ("online", "batch", "divergence")
    batch_coupled = True
    coupled_by_length = True

    beta: Annotated[float, Interval(ge=0, le=1), "0: KL(teacher ‖ student); 1: KL(student ‖ teacher)"] = 0.5
    temperature: Annotated[float, Gt(0), "divisor of the logits of both models"] = 1.0

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        given = (("beta", self.beta), ("temperature", self.temperature))
        self.statistic = TokenStatistic(generalised_jsd, given, reference=True)
        self.needs = Needs(reference=True, stats=frozenset({self.statistic}))

    def loss(self, chosen: Scored) -> Tensor:
        """The loss per response, [B]."""
        return mean_of_responses(over_batch_tokens(chosen.stat(self.statistic), chosen), chosen)
