"""Anchored DPO (ADPO) on scored lists: cross-entropy, Bradley-Terry and Plackett-Luce losses on anchored log-ratios."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.groups import (
    group_bradley_terry,
    group_log_softmax,
    group_max,
    group_mean,
    group_plackett_luce,
    group_sum,
)
from penchant.objectives.functional.numerics import k3, masked_sum

__all__ = ["EPSILON", "ADPOBradleyTerry", "ADPOListwise", "ADPOPlackettLuce"]

#: Added to the standard deviation of rewards, as in the published code.
EPSILON = 1e-8


class _Anchored(Objective):
    """Base class of the three losses: log-ratios to the anchor, a temperature, and the divergence from the anchor."""

    paper = "arXiv:2510.18913"
    tags: ClassVar[tuple[str, ...]] = ("scores", "distribution")
    needs = Needs(reference=True)

    tau: Annotated[float, Gt(0), "temperature of the log-ratios, nats; the 1 / β of DPO"] = 0.8
    average_log_prob: Annotated[bool, "use means over the tokens of a response instead of sums"] = False
    beta_anchor_kl: Annotated[float, Ge(0), "weight β_kl of the divergence from the anchor"] = 0.0
    use_adaptive_tau: Annotated[bool, "raise τ if the policy is uncertain, or certain and wrong"] = False
    adaptive_tau_alpha: Annotated[float, Ge(0), "a: effect of uncertainty on τ"] = 0.5
    adaptive_tau_beta: Annotated[float, Ge(0), "b: effect on τ of certainty about responses with low scores"] = 0.5
    adaptive_tau_min: Annotated[float, Gt(0), "smallest adaptive τ"] = 0.05
    adaptive_tau_max: Annotated[float, Gt(0), "largest adaptive τ"] = 5.0
    vocab_size: Annotated[int, Gt(1), "vocabulary size |V|, the scale of uncertainty"] = 32000

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.adaptive_tau_min > self.adaptive_tau_max:
            raise ConfigurationError(
                f"'adaptive_tau_min' is {self.adaptive_tau_min}, above adaptive_tau_max = {self.adaptive_tau_max}.",
                where=f"objective {self.id}",
                fix="Give bounds with adaptive_tau_min ≤ adaptive_tau_max.",
            )
        self.batch_coupled = self.use_adaptive_tau or self.beta_anchor_kl > 0

    def loss(self, responses: Scored, scores: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per prompt, [B]."""
        scores = scores.to(responses.logratio.dtype)
        tau = self._temperature(responses, scores)
        ratio = responses.mean_logratio if self.average_log_prob else responses.logratio
        losses = self._compared(ratio / tau[responses.group], scores, responses.group)
        if self.beta_anchor_kl == 0:
            return losses, {"tau": tau}
        apart = self._divergence(responses)
        return losses + self.beta_anchor_kl * apart, {"tau": tau, "k3": apart}

    def _compared(self, anchored: Tensor, scores: Tensor, group: Tensor) -> Tensor:
        """The loss per prompt, [B], given log-ratios over the temperature, [R]."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `_compared`.")

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward of each response, its log-ratio / τ, [R], without gradient."""
        return ((view.mean_logratio if self.average_log_prob else view.logratio) / self.tau).detach()

    def _temperature(self, responses: Scored, scores: Tensor) -> Tensor:
        """τ per prompt, [B]."""
        unsure = group_mean(-responses.mean_logp.detach(), responses.group) / math.log(self.vocab_size)
        if not self.use_adaptive_tau or not len(unsure):
            return torch.full_like(unsure, self.tau)
        unsure = unsure.clamp(0, 1)
        level = group_mean(scores, responses.group)
        spread = level.max() - level.min()
        better = (level - level.min()) / spread if spread > 1e-6 else torch.full_like(level, 0.5)
        wrong = self.adaptive_tau_beta * (1 - unsure) * (1 - better)
        tau = self.tau * (1 + self.adaptive_tau_alpha * unsure + wrong)
        return tau.clamp(self.adaptive_tau_min, self.adaptive_tau_max)

    def _divergence(self, responses: Scored) -> Tensor:
        """k3 summed over the tokens of each prompt, over the mean number of tokens per prompt, [B]."""
        each = group_sum(masked_sum(k3(-responses.token_logratio), responses.mask), responses.group)
        return each * responses.examples / responses.length.sum().clamp(min=1)


class ADPOListwise(_Anchored):
    """Anchored Direct Preference Optimization on scored lists (Wang, 2025), as in its published code.

    loss = −Σ_i q_i log softmax(u)_i + β_kl · mean_t [k3_t],   u = (log π(y|x) − log π_anchor(y|x)) / τ

    The sum runs over the responses to a prompt; the anchor is the reference of the run. ``target`` selects how the
    scores R become the target q:

    - ``zscore``: softmax(z / β_r), where z are the scores standardised twice, as in the code.
    - ``softmax``: softmax(R / β_r). ``teacher``: the same, where R are summed log-probabilities of a teacher, nats.
    - ``one-hot``: all weight on the highest score, shared among ties.

    ``adpo-bradley-terry`` and ``adpo-plackett-luce`` replace the cross-entropy by another loss.

    With ``use_adaptive_tau``, each prompt has the temperature τ (1 + a H + b (1 − H) (1 − R')), clamped to its bounds
    and without gradient: H is the mean −log π of its tokens over log |V|, R' its mean score scaled to [0, 1] within the
    batch (1/2 if all are equal). k3 = exp(d) − d − 1 with d = log π_anchor − log π is averaged over the tokens of the
    batch. Both couple the examples of a batch. The code enables the adaptive τ by default; here it is off, since
    offline τ is the 1 / β of DPO. Smoothed ranks (kernel densities) are not implemented. Statistics: ``tau``, ``k3``.

    Example:
        >>> equal = torch.full((3, 3), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> ADPOListwise()(responses=three, scores=torch.tensor([1.0, 0.0, 2.0])).values.exp()
        tensor([3.])

    Reference:
        Wang (2025), ADPO: Anchored Direct Preference Optimization.
    """

    id = "adpo-listwise"
    evidence = OFFICIAL_CODE
    former = (
        Former(
            "target",
            by_value={
                "bradley-terry": "Use objective adpo-bradley-terry.",
                "plackett-luce": "Use objective adpo-plackett-luce.",
            },
        ),
    )

    beta_reward: Annotated[float, Gt(0), "temperature β_r of the target, in the unit of the (standardised) scores"] = (
        0.5
    )
    target: Annotated[Literal["zscore", "softmax", "teacher", "one-hot"], "how scores become the target"] = "zscore"

    def _compared(self, anchored: Tensor, scores: Tensor, group: Tensor) -> Tensor:
        """The cross-entropy between the target and the policy's distribution over the list, [B]."""
        return -group_sum(self._target(scores, group) * group_log_softmax(anchored, group), group)

    def _target(self, scores: Tensor, group: Tensor) -> Tensor:
        """The target probability q of each response within its list, [R]."""
        if self.target == "one-hot":
            best = (scores == group_max(scores, group)[group]).to(scores.dtype)
            return best / group_sum(best, group)[group]
        if self.target == "zscore":
            for _ in range(2):
                scores = group_advantages(scores, group, epsilon=EPSILON)
        return group_log_softmax(scores / self.beta_reward, group).exp()


class ADPOBradleyTerry(_Anchored):
    """Anchored DPO on all pairs of a scored list (Wang, 2025).

    loss = mean over pairs i, j of −p log σ(u_i − u_j) − (1 − p) log σ(u_j − u_i),   p = σ((R_i − R_j) / β_r)

    u = (log π(y|x) − log π_anchor(y|x)) / τ and R the score; temperatures and divergence are those of
    ``adpo-listwise``.

    Example:
        >>> equal = torch.full((3, 3), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> ADPOBradleyTerry()(responses=three, scores=torch.tensor([1.0, 0.0, 2.0])).values
        tensor([0.6931])

    Reference:
        Wang (2025), ADPO: Anchored Direct Preference Optimization.
    """

    id = "adpo-bradley-terry"
    aliases = ("soft-label-distillation",)
    evidence = PAPER
    tags = ("scores", "soft-labels")

    beta_reward: Annotated[float, Gt(0), "temperature β_r of the labels, in the unit of the scores"] = 0.5

    def _compared(self, anchored: Tensor, scores: Tensor, group: Tensor) -> Tensor:
        """The logistic loss of all pairs, [B]."""
        return group_bradley_terry(anchored, scores / self.beta_reward, group)


class ADPOPlackettLuce(_Anchored):
    """Anchored DPO on rankings (Wang, 2025).

    loss = −Σ_k [u_(k) − log Σ_{j ≥ k} exp u_(j)],   u = (log π(y|x) − log π_anchor(y|x)) / τ

    (k) is the response with the k-th highest score; temperatures and divergence are those of ``adpo-listwise``.

    Example:
        >>> equal = torch.full((3, 3), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> ADPOPlackettLuce()(responses=three, scores=torch.tensor([1.0, 0.0, 2.0])).values.exp()
        tensor([6.])

    Reference:
        Wang (2025), ADPO: Anchored Direct Preference Optimization.
    """

    id = "adpo-plackett-luce"
    evidence = PAPER

    def _compared(self, anchored: Tensor, scores: Tensor, group: Tensor) -> Tensor:
        """The Plackett-Luce negative log-likelihood of the ranking, [B]."""
        return group_plackett_luce(anchored, scores, group)
