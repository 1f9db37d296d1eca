"""GPM: a preference model with embeddings instead of rewards, which can be cyclic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.general_preference import block_weights, skew_score, skew_table, unit
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.reward_pairs import margin_regression, reward_logistic

__all__ = ["GPM"]


class GPM(Objective):
    """General Preference Model (Zhang et al., 2024), section 3.

    loss = −log σ((s − m) / τ),   s = Σ_i λ_i (a_{2i−1} b_{2i} − a_{2i} b_{2i−1})

    a and b are the embeddings of chosen and rejected, of ``dimension`` numbers, by a linear head on the hidden state at
    the last token. s(a ≻ b) = −s(b ≻ a), and preferences may be cyclic, which no reward can express. λ is 1, or with
    ``gate`` the softmax of a second head on the state at the last token of the prompt. With ``target_margin`` M the
    loss is ½ (s / τ − M)². The saved folder is a sequence-classification model with ``dimension`` outputs, the
    embedding. With ``sft_weight`` κ the chosen response is also imitated,

    loss = (1 − κ) L + κ (−log σ(β log π(y_w | x))),   log π summed over the tokens

    with β ``sft_beta``; both heads are trained, and the saved folder stays a language model with the embedding's head
    beside it.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = GPM(dimension=2)
        >>> objective.bind(4)
        >>> objective(chosen=view, rejected=view).values
        tensor([0.6931], grad_fn=<NegBackward0>)

    Reference:
        Zhang et al. (2024), Beyond Bradley-Terry Models: A General Preference Model for Language Model Alignment.
    """

    id = "gpm"
    paper = "arXiv:2410.02197"
    evidence = OFFICIAL_CODE
    tags: ClassVar[tuple[str, ...]] = ("margin",)
    needs = Needs(ends=True, likelihood=False)

    dimension: Annotated[int, Ge(2), "numbers of an embedding; even"] = 6
    tau: Annotated[float, Gt(0), "temperature of the score"] = 0.1
    gate: Annotated[bool, "weigh the blocks of two by the prompt"] = False
    gate_scale: Annotated[Literal["sum_to_one", "sum_to_k"], "what the weights of the blocks sum to"] = "sum_to_one"
    normalize: Annotated[bool, "scale embeddings to length 1"] = False
    target_margin: Annotated[float | None, Gt(0), "regress the score on this margin instead"] = None
    sft_weight: Annotated[float, Ge(0), Lt(1), "weight κ of imitating the chosen response; 0.01 to 0.1 is usual"] = 0.0
    sft_beta: Annotated[float, Gt(0), "scale β of the log-probability of the chosen response"] = 0.1

    def __init__(self, **hyper: object) -> None:
        super().__init__(**hyper)
        if self.dimension % 2:
            raise ConfigurationError(
                f"'dimension' is {self.dimension}, expected an even number.",
                where="objective gpm",
                fix="Blocks of two numbers are compared; 2, 4, 6 or 8 are usual.",
            )
        self.needs = Needs(ends=True, likelihood=self.sft_weight > 0)
        self.reward_head = Head(self.dimension, bias=None, random=True)
        self.prompt_head = Head(self.dimension // 2, bias=None, random=True) if self.gate else None

    def loss(
        self, chosen: Scored, rejected: Scored, margin: Tensor | None = None
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of each pair, [B], with its score and whether it is on the right side."""
        first, second = (self.embeddings(self.reward_head(each.end_state)) for each in (chosen, rejected))
        score = skew_score(first, second, self.weights(chosen.start_state) if self.gate else None)
        seen = {"preference_score": score, "preference_accuracy": 0.5 + 0.5 * score.detach().sign()}
        if self.target_margin is None:
            values = reward_logistic(score, self.tau, margin)
        else:
            values = margin_regression(score, self.tau, self.target_margin, margin)
        if not self.sft_weight:
            return values, seen
        imitation = -logsigmoid(self.sft_beta * chosen.logp)
        seen |= {"preference": values, "imitation": imitation}
        return (1 - self.sft_weight) * values + self.sft_weight * imitation, seen

    @property
    def reads_prompt(self) -> bool:
        """Whether there is a gate."""
        return self.gate

    def embeddings(self, outputs: Tensor) -> Tensor:
        """The embeddings that the outputs of the head stand for, [..., d]."""
        return unit(outputs) if self.normalize else outputs

    def weights(self, prompt_states: Tensor) -> Tensor:
        """The weights λ of the blocks, [..., d / 2], from the states at the last token of the prompts."""
        assert self.prompt_head is not None
        return block_weights(self.prompt_head(prompt_states), self.gate_scale)

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The probability that each response is preferred to each other one.

        P_ij = σ(s(i ≻ j) / τ)

        Args:
            outputs: [K, d] of the head, for K responses to one prompt.
            prompt_state: [D] the state at the last token of the prompt, which the gate reads.

        Returns:
            [K, K].
        """
        weights = self.weights(prompt_state) if self.gate and prompt_state is not None else None
        return torch.sigmoid(skew_table(self.embeddings(outputs), weights) / self.tau)
