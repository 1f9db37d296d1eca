"""General Preference Optimization (GPO): regression of log-ratios on the scores of a preference model."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored

__all__ = ["GPO"]


class GPO(Objective):
    """General Preference Optimization (Zhang et al., 2024), section 4, the policy side of GPM.

    loss = ½ [(Δ_chosen − s_chosen / β)² + (Δ_rejected − s_rejected / β)²],   Δ = log π(y|x) − log π_t(y|x)

    s is the mean score of a response over the responses that the policy π_t has sampled, which is also the reference.
    With s = P − ½ it is SPPO. The optimum raises a response by s / β nats.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> scores = {"chosen_score": torch.tensor([1.0]), "rejected_score": torch.tensor([-1.0])}
        >>> GPO(beta=0.5)(chosen=equal, rejected=equal, **scores).values
        tensor([4.])

    Reference:
        Zhang et al. (2024), Beyond Bradley-Terry Models: A General Preference Model for Language Model Alignment.
    """

    id = "gpo"
    paper = "arXiv:2410.02197"
    evidence = reconstruction(
        "The trainer of the paper's repository is not public; the loss is that of SPPO's code with scores in place of "
        "win rates."
    )
    tags: ClassVar[tuple[str, ...]] = ("self-play", "scores")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "the target of a log-ratio is score / β nats"] = 0.001

    def loss(self, chosen: Scored, rejected: Scored, chosen_score: Tensor, rejected_score: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        errors = [
            (view.logratio - score / self.beta).square()
            for view, score in ((chosen, chosen_score), (rejected, rejected_score))
        ]
        return 0.5 * torch.stack(errors).sum(dim=0)
