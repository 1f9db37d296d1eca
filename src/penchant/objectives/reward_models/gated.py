"""A reward by criteria and aspects with two levels of gates that read the prompt (MJ-VIDEO)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.gated_experts import (
    Gated,
    aspect_means,
    gate_loss,
    gated_rewards,
    unpunished,
    valid_preference_loss,
)
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.perceptrons import Perceptron
from penchant.objectives.functional.rating_regression import VerbosityPenalty, masked_squares

__all__ = ["MoEReward"]

#: By stage, the weights of the criteria, of the ratings and pairs of aspects, and of the overall pair and rating.
_WEIGHTS = {1: (1.0, 0.0, 0.0, 0.0, 0.0), 2: (0.3, 1.0, 1.0, 0.0, 0.0), 3: (0.3, 0.3, 0.3, 1.0, 1.0)}


class MoEReward(Objective):
    """Mixture of experts as a reward model (MJ-VIDEO; Tong et al., 2025): criteria, aspects, and gates of the prompt.

    R = Σ_a G_a(x) Σ_{c in S_a} w_c(x) ρ_c,   loss = λ₁ L_criteria + λ₂ L_aspects + λ₃ L_aspect pairs + λ₄ (−log σ(R_w −
    R_l)) + λ₅ L_overall + λ₆ L_gates

    ρ is a linear head on the state at the last token of the response; w and G are softmaxes, at a temperature and with
    a learned scale, of two networks on the state at the last token of the prompt. The record fields ``chosen_ratings``
    and ``rejected_ratings`` hold a rating by criterion, null where it does not apply; the rating of an aspect is the
    mean over its rated criteria. ``chosen_score`` and ``rejected_score`` are overall ratings, on the same scale.
    L_criteria, L_aspects and L_overall are squared errors, averaged over both responses. An aspect is compared if both
    responses have ratings in it that differ. L_gates = −log(1 − weight) of what does not apply. Without ratings the
    pair alone trains heads and gates. Stage 1 uses the criteria alone, 2 adds aspects and the gates inside them, 3 adds
    the overall reward and the gates of aspects. With ``verbosity`` v the overall reward is that of ρ_c − λ_c ρ_v, so
    that it does not reward length (ArmoRM; Wang et al., 2024): λ_c is the smallest of a grid that brings the rank
    correlation with ρ_v to ``verbosity_threshold`` on training responses, found after the last step and saved with
    the model; a next stage starts from it.

    Example:
        >>> state = torch.zeros(1, 2, 3)
        >>> view = Scored(torch.zeros(1, 1), None, torch.ones(1, 1) > 0, ends=state, likelihood=False)
        >>> objective = MoEReward(criteria=3, aspects=[[0, 1], [2]])
        >>> objective.bind(3)
        >>> objective(chosen=view, rejected=view).values
        tensor([0.6931], grad_fn=<MulBackward0>)

    Reference:
        Tong et al. (2025), MJ-VIDEO: Fine-Grained Benchmarking and Rewarding Video Preferences in Video Generation.
        Verbosity: Wang et al. (2024), Interpretable Preferences via Multi-Objective Reward Modeling and
        Mixture-of-Experts.
    """

    id = "moe-reward"
    paper = "arXiv:2502.01719"
    evidence = reconstruction(
        "The gated reward reproduces published numbers. That the rating of an aspect is the mean over its criteria, "
        "and the weight of the gate losses in stage 3, are our reading."
    )
    exempt = Exempt(zero_margin="ratings decide part of the loss, and it reads no log-probabilities")
    needs = Needs(ends=True, likelihood=False)

    criteria: Annotated[int, Ge(1), "number C of criteria"] = 2
    aspects: Annotated[
        list[list[int]] | None, "the criteria of each aspect, numbered from 0; absent: each is an aspect of its own"
    ] = None
    stage: Annotated[int, Ge(1), Le(3), "1: criteria alone; 2: and aspects; 3: and the overall reward"] = 3
    gate_weight: Annotated[
        float, Ge(0), "weight of the gate losses; 0 if null means that nobody rated, not that it does not apply"
    ] = 0.5
    temperature: Annotated[float, Gt(0), "temperature of the gates; the larger, the more even"] = 10.0
    gate_width: Annotated[int, Ge(1), "units of each hidden layer of the gates; 1024 in the paper"] = 128
    gate_layers: Annotated[int, Ge(0), "hidden layers of the gates"] = 3
    verbosity: Annotated[
        int | None,
        Ge(0),
        "the criterion, from 0, that says how verbose a response is: none of it is rewarded",
    ] = None
    verbosity_threshold: Annotated[float, Ge(0), Le(1), "largest rank correlation with verbosity that is left"] = 0.03

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.members = self.aspects or [[criterion] for criterion in range(self.criteria)]
        if sorted(each for own in self.members for each in own) != list(range(self.criteria)) or [] in self.members:
            raise ConfigurationError(
                f"The aspects {self.members} do not hold each of the {self.criteria} criteria once.",
                where=f"objective {self.id}",
                fix=f"Give every number from 0 to {self.criteria - 1} to one aspect, or set objective.criteria.",
            )
        self.reward_head = Head(self.criteria, bias=None, random=True)
        self.criterion_gate = Perceptron(self.criteria, self.gate_width, self.gate_layers, salt=1)
        self.aspect_gate = Perceptron(len(self.members), self.gate_width, self.gate_layers, salt=2)
        self.criterion_scale = nn.Parameter(torch.ones(1))
        self.aspect_scale = nn.Parameter(torch.ones(1))
        self.penalty = VerbosityPenalty.of(self.criteria, self.verbosity, self.verbosity_threshold, self.id)

    def gated(self, outputs: Tensor, prompt_states: Tensor) -> Gated:
        """The rewards by aspect and the overall one, with the weights of the gates.

        Args:
            outputs: [R, C] rewards ρ by criterion.
            prompt_states: [R, D] at the last token of each prompt.
        """
        found = gated_rewards(
            outputs,
            self.criterion_gate(prompt_states).to(outputs),
            self.aspect_gate(prompt_states).to(outputs),
            self.members,
            temperature=self.temperature,
            criterion_scale=self.criterion_scale.to(outputs),
            aspect_scale=self.aspect_scale.to(outputs),
        )
        return found if self.penalty is None else found.with_criteria(self.penalty(outputs), self.members)

    @property
    def reads_prompt(self) -> bool:
        """True: the gates do."""
        return True

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards R of responses to one prompt, [R], from the rewards by criterion, [R, C]."""
        assert prompt_state is not None, "the gates read the prompt"
        return self.gated(outputs, prompt_state.unsqueeze(0).expand(len(outputs), -1)).score

    def rewards(self, view: Scored) -> Tensor | None:
        """The overall rewards [R]; None without the states of the responses."""
        if view.ends is None:
            return None
        return self.gated(self.reward_head(view.end_state), view.start_state).score.detach()

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        chosen_ratings: Tensor | None = None,
        rejected_ratings: Tensor | None = None,
        chosen_score: Tensor | None = None,
        rejected_score: Tensor | None = None,
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of each pair, [B], with the entropy of its aspect gate and the error of predicted ratings."""
        weights = _WEIGHTS[self.stage]
        outputs = [self.reward_head(each.end_state) for each in (chosen, rejected)]
        sides = [self.gated(*each) for each in zip(outputs, (chosen.start_state, rejected.start_state), strict=True)]
        share = sides[0].aspect_gate / sides[0].aspect_gate.sum(dim=-1, keepdim=True)
        seen = {"gate_entropy": torch.special.entr(share).sum(dim=-1)}
        values = weights[3] * -logsigmoid(sides[0].score - sides[1].score)
        for side, given in zip(sides, (chosen_score, rejected_score), strict=True):
            if given is not None and weights[4]:
                values = values + 0.5 * weights[4] * (side.score - given).square()
        if (chosen_ratings is None) != (rejected_ratings is None):
            raise ConfigurationError(
                "The records have ratings of one response alone; expected 'chosen_ratings' and 'rejected_ratings'.",
                where=f"objective {self.id}",
                fix="Give the other list too, with null for each criterion that was not rated.",
            )
        if chosen_ratings is None or rejected_ratings is None:
            return self._without_ratings(values), seen
        ratings = [self._checked(chosen_ratings, "chosen").to(outputs[0])]
        ratings += [self._checked(rejected_ratings, "rejected").to(outputs[0])]
        errors = [(ours - given).abs().nanmean(dim=-1) for ours, given in zip(outputs, ratings, strict=True)]
        seen["rating_error"] = torch.stack(errors).nanmean(dim=0).nan_to_num(0.0)
        for ours, side, given in zip(outputs, sides, ratings, strict=True):
            values = values + 0.5 * self._side(ours, side, given)
        return values + weights[2] * self._aspect_pairs(sides, ratings), seen

    def _without_ratings(self, values: Tensor) -> Tensor:
        if self.stage < 3:
            raise ConfigurationError(
                f"Stage {self.stage} learns from ratings alone, and the records have none.",
                where=f"objective {self.id}",
                fix="Give the fields 'chosen_ratings' and 'rejected_ratings', or set objective.stage=3.",
            )
        return values

    def _checked(self, ratings: Tensor, side: str) -> Tensor:
        if ratings.shape[-1] != self.criteria:
            raise ConfigurationError(
                f"The field '{side}_ratings' has {ratings.shape[-1]} numbers, expected {self.criteria}.",
                where=f"objective {self.id}",
                fix=f"Set objective.criteria={ratings.shape[-1]}, or give {self.criteria} ratings (null: none).",
            )
        return ratings

    def _side(self, outputs: Tensor, side: Gated, ratings: Tensor) -> Tensor:
        """What the ratings of one response cost, [B]."""
        weights, aspects = _WEIGHTS[self.stage], aspect_means(ratings, self.members)
        values = weights[0] * masked_squares(outputs, ratings) + weights[1] * masked_squares(
            side.aspect_scores, aspects
        )
        if self.stage > 1:
            spared = unpunished(ratings, self.members)
            values = values + self.gate_weight * gate_loss(side.weight_of_criteria(self.members), spared)
        if self.stage > 2:
            spared = unpunished(aspects, [list(range(len(self.members)))])
            values = values + self.gate_weight * gate_loss(side.aspect_gate, spared)
        return values

    def _aspect_pairs(self, sides: list[Gated], ratings: list[Tensor]) -> Tensor:
        """The loss of comparisons by aspect, [B], each towards the response with the larger rating in it."""
        first, second = (aspect_means(each, self.members) for each in ratings)
        towards = (first - second).nan_to_num(0.0).sign()
        return valid_preference_loss(towards * sides[0].aspect_scores, towards * sides[1].aspect_scores, towards.abs())
