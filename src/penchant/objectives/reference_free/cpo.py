"""Contrastive Preference Optimization (CPO) in four forms: a reference-free loss plus a likelihood term."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.former import Former
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import NLLAverage, likelihood_couples, with_likelihood
from penchant.objectives.functional.pairs import hinge, logistic, squared

__all__ = ["CPO", "CPOIPO", "CPOHinge", "CPOSimPO"]

_EXEMPT = Exempt(
    zero_margin="its likelihood term is averaged over the tokens of the batch, so long responses have larger losses"
)
_FORMS = {
    "sigmoid": "Use objective cpo without it.",
    "hinge": "Use objective cpo-hinge.",
    "ipo": "Use objective cpo-ipo.",
    "simpo": "Use objective cpo-simpo.",
}


class _Contrastive(Objective):
    """Base class of the forms of CPO: a reference-free preference loss plus the likelihood of the chosen response."""

    paper = "arXiv:2401.08417"
    tags: ClassVar[tuple[str, ...]] = ("likelihood", "batch")
    exempt = _EXEMPT
    former: ClassVar[tuple[Former, ...]] = (
        Former("loss_type", by_value=_FORMS),
        Former("gamma", "Use objective cpo-simpo, which has a target margin."),
    )

    #: Whether the preference loss uses mean log-probabilities per token.
    per_token: ClassVar[bool] = False

    beta: float
    cpo_alpha: Annotated[float, Ge(0), "weight of the chosen response's negative log-likelihood"] = 1.0
    nll_average: Annotated[NLLAverage, "average the likelihood over the tokens of the batch or of each response"] = (
        "batch"
    )

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = likelihood_couples(self.cpo_alpha, self.nll_average)

    def _with_likelihood(self, preference: Tensor, chosen: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        return with_likelihood(preference, chosen, self.cpo_alpha, self.nll_average)

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β log π of each response, or β · mean log π, [R], without gradient."""
        return (self.beta * (view.mean_logp if self.per_token else view.logp)).detach()


class CPO(_Contrastive):
    """Contrastive Preference Optimization (Xu et al., 2024), as in its published code.

    loss = −(1 − ε) log σ(β h) − ε log σ(−β h) + α nll,   h = log π(y_chosen|x) − log π(y_rejected|x)   (summed, nats)

    DPO with a uniform reference, plus the likelihood of the chosen response. The paper adds the likelihood of whole
    sequences; the published code averages over all chosen tokens of the batch, which is the default here
    (``nll_average=batch``; the token count couples the examples, so a split step takes one more forward pass). With
    ``response`` examples are independent. Not to be confused with Constrained Preference Optimization
    (``constrained-po``).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> CPO(cpo_alpha=0.5)(chosen=equal, rejected=equal).values
        tensor([1.1931])

    Reference:
        Xu, Sharaf, Chen, Tan, Shen, Van Durme, Murray, Kim (2024), Contrastive Preference Optimization: Pushing the
        Boundaries of LLM Performance in Machine Translation.
    """

    id = "cpo"
    evidence = OFFICIAL_CODE

    beta: Annotated[float, Gt(0), "slope of the preference loss, per nat"] = 0.1
    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "assumed share ε of flipped labels"] = 0.0

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        margin = self.beta * (chosen.logp - rejected.logp)
        return self._with_likelihood(logistic(margin, self.label_smoothing), chosen)


class CPOHinge(_Contrastive):
    """CPO with a hinge (Xu et al., 2024), as in its published code.

    loss = max(0, 1 − β h) + α nll,   h = log π(y_chosen|x) − log π(y_rejected|x)   (summed over tokens, nats)

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> CPOHinge(cpo_alpha=0.5)(chosen=equal, rejected=equal).values
        tensor([1.5000])

    Reference:
        Xu, Sharaf, Chen, Tan, Shen, Van Durme, Murray, Kim (2024), Contrastive Preference Optimization: Pushing the
        Boundaries of LLM Performance in Machine Translation.
    """

    id = "cpo-hinge"
    evidence = OFFICIAL_CODE

    beta: Annotated[float, Gt(0), "inverse of the margin, in nats, above which a pair has no gradient"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        return self._with_likelihood(hinge(self.beta * (chosen.logp - rejected.logp)), chosen)


class CPOIPO(_Contrastive):
    """CPO with the squared loss of IPO (Xu et al., 2024), as in its published code.

    loss = (h − 1 / (2 β))² + α nll,   h = mean log π(y_chosen|x) − mean log π(y_rejected|x)   (nats per token)

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> CPOIPO(beta=0.5, cpo_alpha=0.5)(chosen=equal, rejected=equal).values
        tensor([1.5000])

    Reference:
        Xu, Sharaf, Chen, Tan, Shen, Van Durme, Murray, Kim (2024), Contrastive Preference Optimization: Pushing the
        Boundaries of LLM Performance in Machine Translation.
    """

    id = "cpo-ipo"
    evidence = PAPER
    tags = ("likelihood", "batch", "normalized")
    per_token = True

    beta: Annotated[float, Gt(0), "strength of the regularisation; the target is 1 / (2 beta) nats per token"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        return self._with_likelihood(squared(chosen.mean_logp - rejected.mean_logp, self.beta), chosen)


class CPOSimPO(_Contrastive):
    """CPO-SimPO, the joint objective of CPO and SimPO (Xu, 2024), as in its published code.

    loss = −(1 − ε) log σ(β h − γ) − ε log σ(γ − β h) + α nll,   h = mean log π(y_chosen|x) − mean log π(y_rejected|x)

    SimPO plus the likelihood of the chosen response, or CPO with means over tokens and a target margin. The likelihood
    is averaged over all chosen tokens of the batch (``nll_average``). The defaults are those of the published recipe
    for Llama 3 Instruct.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> CPOSimPO(gamma=0.0, cpo_alpha=0.5)(chosen=equal, rejected=equal).values
        tensor([1.1931])

    Reference:
        Xu (2024), CPO_SIMPO, https://github.com/fe1ixxu/CPO_SIMPO; Meng, Xia, Chen (2024), SimPO.
    """

    id = "cpo-simpo"
    paper = "github:fe1ixxu/CPO_SIMPO"
    evidence = OFFICIAL_CODE
    tags = ("likelihood", "batch", "margin", "normalized")
    per_token = True
    former = (Former("loss_type", by_value={**_FORMS, "simpo": "Leave it out."}),)

    cpo_alpha: Annotated[float, Ge(0), "weight of the chosen response's negative log-likelihood"] = 0.05
    beta: Annotated[float, Gt(0), "slope of the preference loss; margins are in nats per token"] = 10.0
    gamma: Annotated[float, Ge(0), "target margin, in units of the loss's argument"] = 5.4
    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "assumed share ε of flipped labels"] = 0.0

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        margin = self.beta * (chosen.mean_logp - rejected.mean_logp) - self.gamma
        return self._with_likelihood(logistic(margin, self.label_smoothing), chosen)
