"""Contrastive preference optimization and its union with SimPO: no reference, and the likelihood of the chosen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval
from torch import Tensor, relu

from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import NLLAverage, likelihood_term
from penchant.objectives.functional.pairs import logistic

__all__ = ["CPO", "CPOSimPO"]


class CPO(Objective):
    """Contrastive Preference Optimization (Xu et al., 2024), as in its published code.

    loss = −(1 − ε) log σ(β h) − ε log σ(−β h) + α nll,   h = log π(y_chosen|x) − log π(y_rejected|x)   (summed, nats)

    DPO with an indifferent reference, and the likelihood of the chosen response beside it. ``hinge``: max(0, 1 − β h).
    ``ipo``: (h' − 1 / (2 β))², h' the difference of means over tokens. ``simpo``: β h' − γ in place of β h.

    The paper adds the likelihood of whole sequences; the code averages over all chosen tokens of the batch, and so does
    this (``nll_average=batch``: examples see one another through the number of tokens, so a step is neither split nor
    shared among processes). With ``response`` each example stands alone. It is not Constrained Preference Optimization
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
    paper = "arXiv:2401.08417"

    beta: Annotated[float, Gt(0), "slope of the preference loss per nat (per nat a token: ipo, simpo)"] = 0.1
    loss_type: Annotated[Literal["sigmoid", "hinge", "ipo", "simpo"], "form of the preference loss"] = "sigmoid"
    gamma: Annotated[float, Ge(0), "target margin of simpo, in units of the loss's argument"] = 0.5
    cpo_alpha: Annotated[float, Ge(0), "weight of the chosen response's negative log-likelihood"] = 1.0
    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "share ε of labels taken as flipped (sigmoid, simpo)"] = (
        0.0
    )
    nll_average: Annotated[NLLAverage, "likelihood averaged over the batch's tokens, or over each response's own"] = (
        "batch"
    )

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = self.cpo_alpha > 0 and self.nll_average == "batch"

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each pair, [B], with its two terms and the rewards of both responses."""
        preference, nll = self._preference(chosen, rejected), likelihood_term(chosen, self.nll_average)
        rewards = {"chosen_rewards": self.rewards(chosen), "rejected_rewards": self.rewards(rejected)}
        return preference + self.cpo_alpha * nll, {"preference": preference, "nll": nll, **rewards}

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β log π of each response, [R], by the token for ipo and simpo; without gradient."""
        return (self.beta * (view.logp if self.loss_type in ("sigmoid", "hinge") else view.mean_logp)).detach()

    def _preference(self, chosen: Scored, rejected: Scored) -> Tensor:
        if self.loss_type == "ipo":
            return (chosen.mean_logp - rejected.mean_logp - 1 / (2 * self.beta)).square()
        if self.loss_type == "simpo":
            margin = self.beta * (chosen.mean_logp - rejected.mean_logp) - self.gamma
            return logistic(margin, self.label_smoothing)
        margin = self.beta * (chosen.logp - rejected.logp)
        return relu(1 - margin) if self.loss_type == "hinge" else logistic(margin, self.label_smoothing)


class CPOSimPO(CPO):
    """CPO-SimPO, the joint objective of CPO and SimPO (Xu, 2024), as in its published code.

    loss = −(1 − ε) log σ(β h − γ) − ε log σ(γ − β h) + α nll,   h = mean log π(y_chosen|x) − mean log π(y_rejected|x)

    It is SimPO with the likelihood of the chosen response, or CPO with means over tokens and a target margin: the code
    of CPO with ``loss_type=simpo``. The likelihood is averaged over all chosen tokens of the batch (``nll_average``).
    Defaults are those of the recipe for Llama 3 Instruct.

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

    beta: Annotated[float, Gt(0), "slope of the preference loss, per nat a token"] = 10.0
    loss_type: Annotated[Literal["simpo"], "form of the preference loss"] = "simpo"
    gamma: Annotated[float, Ge(0), "target margin, in units of the loss's argument"] = 5.4
    cpo_alpha: Annotated[float, Ge(0), "weight of the chosen response's negative log-likelihood"] = 0.05
