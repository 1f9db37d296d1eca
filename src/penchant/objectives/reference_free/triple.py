"""Triple Preference Optimization (TPO) in four forms: a pair, and a gold response to imitate."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.former import Former
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import NLLAverage, likelihood_couples, with_likelihood
from penchant.objectives.functional.pairs import hinge, logistic, squared

__all__ = ["TPO", "TPOIPO", "TPOHinge", "TPOLength"]

_FORMS = {
    "sigmoid": "Use objective tpo-triple without it.",
    "hinge": "Use objective tpo-triple-hinge.",
    "ipo": "Use objective tpo-triple-ipo.",
    "tpo-l": "Use objective tpo-triple-l.",
}


class _Triple(Objective):
    """Base class of the forms: a reference-free preference loss, and the likelihood of the gold response."""

    paper = "arXiv:2405.16681"
    tags: ClassVar[tuple[str, ...]] = ("likelihood", "batch")
    exempt = Exempt(zero_margin="the likelihood term of the gold response differs between pairs, whatever their margin")
    former: ClassVar[tuple[Former, ...]] = (
        Former("loss_type", by_value=_FORMS),
        Former("gamma", "Use objective tpo-triple-l, which has a target margin."),
    )

    #: Whether the preference loss uses mean log-probabilities per token.
    per_token: ClassVar[bool] = False

    beta: float
    alpha: Annotated[float, Ge(0), "weight of the gold response's negative log-likelihood"] = 1.0
    nll_average: Annotated[NLLAverage, "average the likelihood over the tokens of the batch or of each response"] = (
        "batch"
    )

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = likelihood_couples(self.alpha, self.nll_average)

    def loss(self, chosen: Scored, rejected: Scored, gold: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        margin = chosen.mean_logp - rejected.mean_logp if self.per_token else chosen.logp - rejected.logp
        return with_likelihood(self._preference(margin), gold, self.alpha, self.nll_average, "gold_nll")

    def _preference(self, margin: Tensor) -> Tensor:
        """The preference loss of a margin, [B]."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a margin costs.")

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β log π of each response, or β · mean log π, [R], without gradient."""
        return (self.beta * (view.mean_logp if self.per_token else view.logp)).detach()


class TPO(_Triple):
    """Triple Preference Optimization (Saeidi et al., 2024), as in its published code.

    loss = −log σ(β h) + α nll(y_gold),   h = log π(y_chosen|x) − log π(y_rejected|x)   (summed over tokens, nats)

    One stage instead of two: the gold response, the best one, is imitated, while the pair is told apart; no reference
    model. The published code averages the likelihood over all gold tokens of the batch, which is the default here and
    couples the examples. If the gold response is the chosen one it is ``cpo``. The record field ``gold`` holds the
    response; one that equals the chosen or the rejected response is an error.

    β is that of the first release, which has α = 0.9; α is 1 as in TRL (whose β is 0.01), so that the gold response
    counts as in supervised fine-tuning.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> TPO(alpha=0.5)(chosen=equal, rejected=equal, gold=equal).values
        tensor([1.1931])

    Reference:
        Saeidi, Verma, RRV, Baral (2024), Triple Preference Optimization: Achieving Better Alignment with Less Data in a
        Single Step Optimization.
    """

    id = "tpo-triple"
    evidence = OFFICIAL_CODE

    beta: Annotated[float, Gt(0), "slope of the preference loss, per nat"] = 0.2

    def _preference(self, margin: Tensor) -> Tensor:
        return logistic(self.beta * margin)


class TPOHinge(_Triple):
    """Triple Preference Optimization with a hinge (Saeidi et al., 2024), as in its published code.

    loss = max(0, 1 − β h) + α nll(y_gold),   h = log π(y_chosen|x) − log π(y_rejected|x)   (summed over tokens, nats)

    The rest is as in ``tpo-triple``.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> TPOHinge(alpha=0.5)(chosen=equal, rejected=equal, gold=equal).values
        tensor([1.5000])

    Reference:
        Saeidi, Verma, RRV, Baral (2024), Triple Preference Optimization.
    """

    id = "tpo-triple-hinge"
    evidence = OFFICIAL_CODE

    beta: Annotated[float, Gt(0), "slope of the preference loss, per nat"] = 0.2

    def _preference(self, margin: Tensor) -> Tensor:
        return hinge(self.beta * margin)


class TPOIPO(_Triple):
    """Triple Preference Optimization with a squared loss (Saeidi et al., 2024), as in its published code.

    loss = (h − 1 / (2β))² + α nll(y_gold),   h = mean log π(y_chosen|x) − mean log π(y_rejected|x)   (nats per token)

    The rest is as in ``tpo-triple``.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> TPOIPO(beta=0.5, alpha=0.5)(chosen=equal, rejected=equal, gold=equal).values
        tensor([1.5000])

    Reference:
        Saeidi, Verma, RRV, Baral (2024), Triple Preference Optimization.
    """

    id = "tpo-triple-ipo"
    evidence = PAPER
    per_token = True

    beta: Annotated[float, Gt(0), "inverse target margin: 1 / (2β) nats per token"] = 0.2

    def _preference(self, margin: Tensor) -> Tensor:
        return squared(margin, self.beta)


class TPOLength(_Triple):
    """Length-controlled Triple Preference Optimization, TPO-L (Saeidi et al., 2024).

    loss = −log σ(β h − γ) + α nll(y_gold),   h = mean log π(y_chosen|x) − mean log π(y_rejected|x)   (nats per token)

    γ is subtracted after the scaling by β. If the gold response is the chosen one it is ``cpo-simpo``. The rest is as
    in ``tpo-triple``.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> TPOLength(gamma=0.0)(chosen=equal, rejected=equal, gold=equal).values
        tensor([1.6931])

    Reference:
        Saeidi, Verma, RRV, Baral (2024), Triple Preference Optimization.
    """

    id = "tpo-triple-l"
    evidence = OFFICIAL_CODE
    former = (Former("loss_type", by_value=_FORMS),)
    per_token = True

    beta: Annotated[float, Gt(0), "slope of the preference loss; margins are in nats per token"] = 10.0
    gamma: Annotated[float, Ge(0), "target margin, in units of the loss's argument"] = 3.0

    def _preference(self, margin: Tensor) -> Tensor:
        return logistic(self.beta * margin - self.gamma)
