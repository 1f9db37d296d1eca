"""SLiC hinge with a reference: hinge loss on the log-ratio margin."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import hinge, logratio_margin

__all__ = ["SLiCHinge"]


class SLiCHinge(Objective):
    """SLiC's hinge on log-ratios (Zhao et al., 2023, in the form of Liu et al., 2024, "hinge-norm").

    loss = max(0, 1 − β (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    A pair with a margin of at least 1 / β has no gradient. The hinge-norm loss of RSO (Liu et al., 2023) is the same
    formula, with γ for β. (The original form of the paper is ``slic-hf``, without reference and with a likelihood
    term.)

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> SLiCHinge(beta=0.1)(chosen=equal, rejected=equal).values
        tensor([1.])

    Reference:
        Zhao, Joshi, Liu, Khalman, Saleh, Liu (2023), SLiC-HF: Sequence Likelihood Calibration with Human Feedback. Liu
        et al. (2024), Statistical Rejection Sampling Improves Preference Optimization.
    """

    id = "slic-hinge"
    paper = "arXiv:2305.10425"
    aliases = ("rso-hinge-norm",)
    former = (Former("gamma", "Use beta, which is the γ of RSO."),)
    evidence = OFFICIAL_CODE
    tags = ("margin",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse of the margin, in nats, above which a pair has no gradient"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return hinge(self.beta * logratio_margin(chosen, rejected))
