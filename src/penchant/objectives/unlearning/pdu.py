"""PDU: flattens the logits of what is to be forgotten, under a bound on the loss of what is kept."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.token_statistic import TokenStatistic
from penchant.objectives.functional.likelihood_term import likelihood_term
from penchant.objectives.functional.token_average import token_average

__all__ = ["PDU", "logit_spread"]


def logit_spread(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """(max_v z(v) − mean_v z(v))², the squared height of the largest logit above the mean; 0 for a flat distribution.

    Args:
        log_probs: [K, V] of the policy; they differ from logits by a constant a row.
        ids: unused.
        reference: unused.

    Returns:
        [K].

    Example:
        >>> logit_spread(torch.tensor([[3.0, 1.0, -1.0]]), torch.tensor([0]), None)
        tensor([4.])
    """
    return (log_probs.amax(-1) - log_probs.mean(-1)).square()


_STATISTIC = TokenStatistic(logit_spread)


class PDU(Objective):
    """Primal-dual unlearning (Entesari et al., 2025), as in open-unlearning.

    loss = c mean_t (max_v z_t(v) − mean_v z_t(v))² + w nll(y_retain|x_retain),   w ← max(0, w + η (nll_retain − ε))

    The weight w is the dual variable of the constraint nll_retain ≤ ε: it grows while the retain loss is above ε and
    falls to 0 below. It is updated before it is used, in training only, from step ``warm_up`` on, and is saved with
    checkpoints. It couples the examples of a batch.

    Example:
        >>> one = torch.full((1, 2), -1.0)
        >>> view = Scored(one, None, one < 0, stats={"logit_spread": torch.tensor([[1.0, 3.0]])})
        >>> PDU(epsilon=0.4, warm_up=0)(forget=view, retain=view).values
        tensor([3.6000])

    Reference:
        Entesari, Hatami, Khaziev, Ramakrishna, Fazlyab (2025), Constrained Entropic Unlearning: A Primal-Dual
        Framework for Large Language Models.
    """

    id = "pdu"
    paper = "arXiv:2506.05314"
    evidence = reconstruction("the bound has no published default, and the warm-up counts steps instead of epochs")
    tags = ("batch",)
    exempt = Exempt(value_gradient="the dual variable follows the retain loss without gradient")
    needs = Needs(stats=frozenset({_STATISTIC}))
    batch_coupled = True

    epsilon: Annotated[float, Ge(0), "bound ε on the NLL of the retain records, nats per token"] = 1.0
    step_size: Annotated[float, Gt(0), "step η of the dual variable"] = 1.0
    warm_up: Annotated[int, Ge(0), "steps before the dual variable moves"] = 0
    forget_coeff: Annotated[float, Ge(0), "weight c of the forget term"] = 1.0
    initial_weight: Annotated[float, Ge(0), "dual variable w at the start"] = 1.0

    weight: Tensor
    steps: Tensor

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.register_buffer("weight", torch.tensor(float(self.initial_weight), dtype=torch.float64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def loss(self, forget: Scored, retain: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per example, [B], with the ``dual_weight``."""
        kept = likelihood_term(retain, "batch")
        if self.training and len(kept):
            if self.steps >= self.warm_up:
                gap = kept.detach().mean().double() - self.epsilon
                self.weight.copy_((self.weight + self.step_size * gap).clamp(min=0))
            self.steps += 1
        spread = token_average(forget, forget.stat(_STATISTIC), "batch")
        weight = self.weight.to(kept.dtype)
        return self.forget_coeff * spread + weight * kept, {"dual_weight": weight.expand_as(kept)}
