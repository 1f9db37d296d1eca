"""Noise Contrastive Alignment (NCA) on pairs: classifies each response against noise."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["NCA", "BiasedNCA"]

_BETA = "scale of the log-ratios; larger values stay closer to the reference"


class NCA(Objective):
    """Noise Contrastive Alignment on pairs, NCA (Chen et al., 2024), with a one-hot target.

    loss = −log σ(s_chosen) − ½ log σ(−s_chosen) − ½ log σ(−s_rejected),   s = β (log π(y|x) − log π_ref(y|x))

    The sides are independent: the chosen log-ratio has its optimum at s_chosen = log 2, the rejected one decreases
    without bound. So the chosen log-probability does not fall, as it can under DPO. InfoNCA on pairs is ``dpo``.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> NCA()(chosen=equal, rejected=equal).values
        tensor([1.3863])

    Reference:
        Chen, He, Yuan, Cui, Su, Zhu (2024), Noise Contrastive Alignment of Language Models with Explicit Rewards.
    """

    id = "nca"
    paper = "arXiv:2402.05369"
    evidence = OFFICIAL_CODE
    tags = ("likelihood",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), _BETA] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        good, bad = self.beta * chosen.logratio, self.beta * rejected.logratio
        return -logsigmoid(good) - 0.5 * (logsigmoid(-good) + logsigmoid(-bad))


class BiasedNCA(Objective):
    """Biased NCA on pairs (Chen et al., 2024), as in its published code.

    loss = −log σ(s_chosen) − log σ(−s_rejected),   s = β (log π(y|x) − log π_ref(y|x))   (summed over tokens, nats)

    Each side is classified independently; without the regulariser of NCA the chosen log-ratio increases without bound.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> BiasedNCA()(chosen=equal, rejected=equal).values
        tensor([1.3863])

    Reference:
        Chen, He, Yuan, Cui, Su, Zhu (2024), Noise Contrastive Alignment of Language Models with Explicit Rewards.
    """

    id = "nca-biased"
    paper = "arXiv:2402.05369"
    evidence = PAPER
    tags = ("likelihood",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), _BETA] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return -logsigmoid(self.beta * chosen.logratio) - logsigmoid(-self.beta * rejected.logratio)
