"""PAD: a student learns its teacher's preference distribution over several responses."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_size
from penchant.objectives.functional.lists import partial_plackett_luce
from penchant.objectives.functional.ranking_distributions import jensen_shannon, ranking_logprobs

__all__ = ["PAD", "PADVanilla"]

#: Longest lists: 6! = 720 rankings.
LONGEST = 6


class PAD(Objective):
    """Preference-Aligned Distillation, PAD (Gu et al., 2025), the probabilistic form.

    loss = JS(P_teacher, P_student),   log P(τ) = Σ_k [β s_τ(k) − log Σ_{j ≥ k} exp β s_τ(j)]   over all n! rankings τ

    The student's score of a response is its mean log π per token (nats), the teacher's is the record's score. JS is the
    Jensen-Shannon divergence, at most log 2; ``divergence=released`` is that of the published code, whose arguments are
    swapped. Equal scores up to a constant cost nothing. Lists hold at most 6 responses.

    Raises:
        ConfigurationError: a list is longer.

    Example:
        >>> import torch
        >>> level = torch.full((2, 1), -1.0)
        >>> two = Scored(level, None, level < 0, group=torch.tensor([0, 0]))
        >>> PAD()(responses=two, scores=torch.tensor([0.0, 0.0])).values.abs() < 1e-9
        tensor([True])

    Reference:
        Gu et al. (2025), Capturing Nuanced Preferences: Preference-Aligned Distillation for Small Language Models.
    """

    id = "pad"
    paper = "arXiv:2502.14272"
    evidence = OFFICIAL_CODE
    tags = ("distribution", "normalized")

    beta: Annotated[float, Gt(0), "inverse temperature of both distributions"] = 10.0
    divergence: Annotated[
        Literal["jensen-shannon", "released"], "between the two distributions; released is that of the published code"
    ] = "jensen-shannon"

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        student, swapped = self.beta * responses.mean_logp, self.divergence == "released"
        taught = self.beta * scores.to(student)
        sizes = group_size(responses.group).long()
        if len(sizes) and int(sizes.max()) > LONGEST:
            raise ConfigurationError(
                f"A prompt has {int(sizes.max())} responses; their rankings are too many to sum over.",
                where=f"objective {self.id}",
                fix=f"Give at most {LONGEST} responses per prompt, or use pad-vanilla.",
            )
        found = student.new_zeros(len(sizes))
        order = responses.group.argsort(stable=True)
        for size in sizes.unique().tolist():
            lists = (sizes == size).nonzero().flatten()
            rows = order[sizes[responses.group[order]] == size].view(-1, size)
            apart = jensen_shannon(ranking_logprobs(taught[rows]), ranking_logprobs(student[rows]), swapped=swapped)
            found = found.index_put((lists,), apart.to(found))
        return found

    def rewards(self, view: Scored) -> Tensor:
        """The student's score β · mean log π of each response, [R], without gradient."""
        return (self.beta * view.mean_logp).detach()


class PADVanilla(Objective):
    """Preference-Aligned Distillation with the teacher's ranking alone, PAD's vanilla form (Gu et al., 2025).

    loss = −log P_student(τ*),   τ*: the responses by falling score of the teacher,   P as in ``pad``

    Responses of equal score are not compared with each other. With two responses it is SimPO without a target margin.

    Example:
        >>> import torch
        >>> level = torch.full((2, 1), -1.0)
        >>> two = Scored(level, None, level < 0, group=torch.tensor([0, 0]))
        >>> PADVanilla()(responses=two, scores=torch.tensor([1.0, 0.0])).values
        tensor([0.6931])

    Reference:
        Gu et al. (2025), Capturing Nuanced Preferences: Preference-Aligned Distillation for Small Language Models.
    """

    id = "pad-vanilla"
    paper = "arXiv:2502.14272"
    evidence = PAPER
    tags = ("distribution", "normalized")

    beta: Annotated[float, Gt(0), "inverse temperature of the student's distribution"] = 10.0

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        return partial_plackett_luce(self.beta * responses.mean_logp, -scores, responses.group)

    def rewards(self, view: Scored) -> Tensor:
        """The student's score β · mean log π of each response, [R], without gradient."""
        return (self.beta * view.mean_logp).detach()
