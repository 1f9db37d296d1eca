"""MAPL: DPO plus preferences between two prompts of a response and between the margins of two pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["MAPL"]


class MAPL(Objective):
    """Multi-Level Aware Preference Learning, MAPL (Sun et al., 2025), reconstructed from its abstract.

    loss = L_DPO − a log σ(r(x⁺, y_w) − r(x⁻, y_w)) − b log σ(M' − M),   r(x, y) = β (log π(y|x) − log π_ref(y|x))

    Sums over tokens, nats. Within a sample, x⁺ is a prompt whose constraints the chosen response y_w satisfies, x⁻ one
    whose constraints it violates (fields ``matching_prompt``, ``altered_prompt``). Each is compared with the reference
    under the same prompt; the normalisers of two prompts do not cancel, so this term is a heuristic. Between samples, M
    is the margin r(x, y_w) − r(x, y_l) of the pair and M' the margin under ``extended_prompt``, whose additional
    constraints should widen it. Records without the fields of a term skip that term.

    At equal margins and b = 1, the third term cancels the gradient of the first on the original prompt and moves it to
    the extended one.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> MAPL()(chosen=equal, rejected=equal, chosen_matching=equal, chosen_altered=equal).values
        tensor([1.3863])

    Reference:
        Sun, Cai, Zhu, Zhao, Xue, Zhou, Li, Li (2025), Multi-Level Aware Preference Learning: Enhancing RLHF for Complex
        Multi-Instruction Tasks.
    """

    id = "mapl"
    paper = "arXiv:2505.12845"
    evidence = reconstruction(
        "The abstract gives no formula: the second term follows a review of the paper, the third is our reading."
    )
    tags = ("instructions",)
    exempt = Exempt(zero_margin="the term for the extended prompt offsets the gradient of the original pair")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    intra_weight: Annotated[float, Ge(0), "weight a of the comparison between two prompts"] = 1.0
    inter_weight: Annotated[float, Ge(0), "weight b of the comparison between two margins"] = 1.0

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        chosen_matching: Scored | None = None,
        chosen_altered: Scored | None = None,
        chosen_extended: Scored | None = None,
        rejected_extended: Scored | None = None,
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair, [B], with its terms; 0 if an example skips a term."""
        margin = self.beta * logratio_margin(chosen, rejected)
        base = logistic(margin)
        intra = inter = base.new_zeros(base.shape)
        if chosen_matching is not None and chosen_altered is not None:
            preferred = logistic(self.beta * logratio_margin(chosen_matching, chosen_altered))
            intra = intra.index_add(0, chosen_matching.group, preferred)
        if chosen_extended is not None and rejected_extended is not None:
            widened = self.beta * logratio_margin(chosen_extended, rejected_extended) - margin[chosen_extended.group]
            inter = inter.index_add(0, chosen_extended.group, logistic(widened))
        values = base + self.intra_weight * intra + self.inter_weight * inter
        return values, {"base_loss": base, "intra_loss": intra, "inter_loss": inter}
