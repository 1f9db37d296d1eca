"""Bradley-Terry reward models: pairs, pairs with ties, and regression of the difference of two rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import INDEPENDENT_CODE, OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.reward_pairs import centering, eurus, margin_regression, reward_logistic
from penchant.objectives.functional.ties import davidson, outcome_loss, rao_kupper

__all__ = ["BTRewardModel", "BTTies", "EurusRM", "PairwiseMarginRegression"]


class _ScalarReward(Objective):
    """Base class of the four: a linear head gives one reward a response, at its last token."""

    needs = Needs(ends=True, likelihood=False)

    def __init__(self, **hyper: object) -> None:
        super().__init__(**hyper)
        self.reward_head = Head(1, bias=None, random=True)

    def _rewards(self, view: Scored) -> Tensor:
        return self.reward_head(view.end_state)[:, 0]


class BTRewardModel(_ScalarReward):
    """Bradley-Terry reward model (Bradley and Terry, 1952; Ouyang et al., 2022, eq. 1), with margin and centring.

    loss = −p log σ((Δ − m) / τ) − (1 − p) log σ((−Δ − m) / τ) + c (r_chosen + r_rejected)²,   Δ = r_chosen − r_rejected

    r is a linear head on the hidden state at the last token of a response. The margin m comes with the pairs (Llama 2)
    and counts with ``use_margin``: pairs that are made of scores have one too, the difference of the scores. p is 1
    less the label smoothing, or comes with the pairs as ``probability``. The centring term keeps rewards around 0. The
    saved folder is a sequence-classification model of transformers with one output.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = BTRewardModel()
        >>> objective.bind(4)
        >>> objective(chosen=view, rejected=view).values
        tensor([0.6931], grad_fn=<AddBackward0>)

    Reference:
        Ouyang et al. (2022), Training Language Models to Follow Instructions with Human Feedback. Touvron et al.
        (2023), Llama 2 (margin). Eisenstein et al. (2023), Helping or Herding? (centring).
    """

    id = "bt-reward-model"
    aliases: ClassVar[tuple[str, ...]] = ("bt",)
    paper = "arXiv:2203.02155"
    evidence = INDEPENDENT_CODE
    tags: ClassVar[tuple[str, ...]] = ("margin", "soft-labels")

    center_rewards_coefficient: Annotated[float, Ge(0), "weight c of the squared sum of a pair's rewards"] = 0.0
    tau: Annotated[float, Gt(0), "temperature of the difference of rewards"] = 1.0
    label_smoothing: Annotated[
        float, Interval(ge=0, lt=0.5), "assumed share of flipped labels; used where pairs have no probability"
    ] = 0.0
    use_margin: Annotated[bool, "subtract the pairs' field margin from the difference of rewards"] = False

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        margin: Tensor | None = None,
        probability: Tensor | None = None,
    ) -> Tensor:
        """The loss of each pair, [B]."""
        good, bad = self._rewards(chosen), self._rewards(rejected)
        preferred = 1.0 - self.label_smoothing if probability is None else probability
        base = reward_logistic(good - bad, self.tau, margin if self.use_margin else None, preferred)
        return base + self.center_rewards_coefficient * centering(good, bad)


class BTTies(_ScalarReward):
    """Bradley-Terry reward model whose pairs may be ties (Rao and Kupper, 1967; Davidson, 1970).

    loss = −log(P(outcome) + ε),   with P of the form rao-kupper, davidson or half-win

    s = r_chosen − r_rejected. rao-kupper: P(win) = σ(s − η), P(loss) = σ(−s − η), P(tie) the rest. davidson:
    P(win) ∝ e^(s/2), P(loss) ∝ e^(−s/2), P(tie) ∝ ν. half-win: a tie is half a win, as in the loss of soft labels. The
    outcome of a pair is its ``probability``: above ½ a win of chosen, ½ a tie, below ½ a loss. η or ν is learned.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = BTTies(form="half-win")
        >>> objective.bind(4)
        >>> objective(chosen=view, rejected=view, probability=torch.tensor([0.5])).values
        tensor([0.6931], grad_fn=<SubBackward0>)

    Reference:
        Rao and Kupper (1967), Ties in Paired-Comparison Experiments. Davidson (1970), On Extending the Bradley-Terry
        Model to Accommodate Ties. The form and the floor are those of the code of Arena-Hard, arXiv:2406.11939.
    """

    id = "bt-ties"
    paper = "arXiv:2406.11939"
    evidence = OFFICIAL_CODE
    tags: ClassVar[tuple[str, ...]] = ("margin",)

    form: Annotated[Literal["rao-kupper", "davidson", "half-win"], "what a tie is"] = "rao-kupper"
    threshold: Annotated[float, Ge(0), "start of the learned η of rao-kupper, or ν of davidson"] = 0.1
    eps: Annotated[float, Ge(0), "floor under the probability of an outcome"] = 1e-10

    def __init__(self, **hyper: object) -> None:
        super().__init__(**hyper)
        self.tie = torch.nn.Parameter(torch.tensor(self.threshold)) if self.form != "half-win" else None

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of each pair, [B], with whether its outcome was foreseen.

        ``outcome_accuracy`` counts a tie as right where a tie is the most likely outcome; with half-win no tie is ever
        foreseen, and counts half.
        """
        difference = self._rewards(chosen) - self._rewards(rejected)
        place = torch.where(probability > 0.5, 0, torch.where(probability < 0.5, 2, 1))
        ahead = torch.sign(difference.detach()) * torch.sign(probability - 0.5)
        if self.tie is None:
            preferred = torch.where(probability == 0.5, 0.5, (probability > 0.5) * 1.0)
            return reward_logistic(difference, preferred=preferred), {"outcome_accuracy": (ahead + 1) / 2}
        outcomes = (rao_kupper if self.form == "rao-kupper" else davidson)(difference, self.tie.clamp(min=0))
        foreseen = (outcomes.argmax(dim=-1) == place).to(difference.dtype)
        return outcome_loss(outcomes, probability, self.eps), {"outcome_accuracy": foreseen}


class PairwiseMarginRegression(_ScalarReward):
    """Regression of the difference of two rewards on a target margin.

    loss = ½ (Δ / τ − M)²,   with margins ½ (Δ / τ − s σ(m))²,   Δ = r_chosen − r_rejected

    Unlike Bradley-Terry's loss it lowers a difference that exceeds the target.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = PairwiseMarginRegression(target_margin=2.0)
        >>> objective.bind(4)
        >>> objective(chosen=view, rejected=view).values
        tensor([2.], grad_fn=<MulBackward0>)

    Reference:
        Zhang et al. (2024), Beyond Bradley-Terry Models: A General Preference Model for Language Model Alignment,
        published code.
    """

    id = "pairwise-margin-regression"
    paper = "arXiv:2410.02197"
    evidence = OFFICIAL_CODE
    tags: ClassVar[tuple[str, ...]] = ("margin",)

    tau: Annotated[float, Gt(0), "temperature of the difference of rewards"] = 1.0
    target_margin: Annotated[float, Gt(0), "target M of a pair without margin"] = 10.0
    margin_scale: Annotated[float, Gt(0), "largest target s of a pair with a margin"] = 5.0

    def loss(self, chosen: Scored, rejected: Scored, margin: Tensor | None = None) -> Tensor:
        """The loss of each pair, [B]."""
        difference = self._rewards(chosen) - self._rewards(rejected)
        return margin_regression(difference, self.tau, self.target_margin, margin, self.margin_scale)


class EurusRM(_ScalarReward):
    """The reward model of Eurus (Yuan et al., 2024), which also says which solutions are right.

    loss = −log σ(Δ) − w [log σ(r_chosen) + log σ(−r_rejected)],   Δ = r_chosen − r_rejected

    The terms in brackets raise the rewards of right solutions above 0 and lower those of wrong ones below. A pair of
    ordinary chat has w = 0: its field ``direct``, 0 or 1, multiplies w.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = EurusRM()
        >>> objective.bind(4)
        >>> objective(chosen=view, rejected=view).values / torch.tensor(2.0).log()
        tensor([3.], grad_fn=<DivBackward0>)

    Reference:
        Yuan et al. (2024), Advancing LLM Reasoning Generalists with Preference Trees.
    """

    id = "eurus-rm"
    paper = "arXiv:2404.02078"
    evidence = OFFICIAL_CODE

    direct_weight: Annotated[float, Ge(0), "weight w of the terms of single responses"] = 1.0

    def loss(
        self, chosen: Scored, rejected: Scored, direct: Tensor | None = None
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of each pair, [B], with the shares of right and wrong solutions on the right side of 0."""
        good, bad = self._rewards(chosen), self._rewards(rejected)
        weight = self.direct_weight if direct is None else direct * self.direct_weight
        sides = {"chosen_above_zero": (good > 0).to(good.dtype), "rejected_below_zero": (bad < 0).to(bad.dtype)}
        return eurus(good, bad, weight), sides
