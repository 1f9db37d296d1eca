"""Plackett-Luce DPO: the likelihood of a ranking under implicit rewards."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import INDEPENDENT_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_size
from penchant.objectives.functional.lists import partial_plackett_luce

__all__ = ["PlackettLuceDPO"]


class PlackettLuceDPO(Objective):
    """DPO on rankings (Rafailov et al., 2023), appendix A.3.

    loss = −Σ_k [s_(k) − log Σ_{j ≥ k} exp s_(j)],   s = β (log π(y|x) − log π_ref(y|x))

    (k) is the response of rank k. Responses of equal rank are not compared with each other; ``top`` counts only the
    best m. With two responses it is DPO; with one best and all others equal it is ``s-dpo``.

    Example:
        >>> import torch
        >>> equal = torch.full((3, 1), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> PlackettLuceDPO()(responses=three, ranks=torch.tensor([2.0, 1.0, 3.0])).values.exp().round()
        tensor([6.])

    Reference:
        Rafailov, Sharma, Mitchell, Ermon, Manning, Finn (2023), Direct Preference Optimization.
    """

    id = "plackett-luce-dpo"
    paper = "arXiv:2305.18290"
    evidence = INDEPENDENT_CODE
    tags = ("distribution",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    top: Annotated[int | None, Ge(1), "only the terms of the best m ranks; all by default"] = None
    normalize: Annotated[bool, "divide by the number of responses minus 1"] = False

    def loss(self, responses: Scored, ranks: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        found = partial_plackett_luce(self.beta * responses.logratio, ranks, responses.group, self.top)
        return found / (group_size(responses.group) - 1).clamp(min=1) if self.normalize else found
