"""`Anchored`: the policy ranks its own responses, shown the one answer of a teacher."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rewards.answerers import Question, share_of
from penchant.rewards.asked.policy_llm import AsksPolicy
from penchant.rewards.given.answers import GivenAnswers, answer_of
from penchant.rewards.judge_prompts import as_script
from penchant.rewards.judge_readings import log_odds

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["Anchored"]

#: The log-odds of a copy of the anchor; those that are read are at most 28.
SURE = 40.0


class Anchored(AsksPolicy):
    """u = p(Yes) / (p(Yes) + p(No)) of the policy, asked whether a response is good with the anchor shown, in [0, 1].

    The anchor is the record's answer: one call of the teacher a prompt, made before the run. It is the positive one, so
    a copy of it has u = 1 without a question. Comparisons are σ of the difference of log-odds.

    Reference:
        Positive-Unlabeled RL Distillation for On-Premise Small Models, arXiv:2601.20687. The paper states that the
        student ranks its samples given the anchor; the question is ours.
    """

    id = "anchored"
    formula = "p(Yes) / (p(Yes) + p(No)), asked with the record's answer shown"
    span = "0 to 1, higher is better; a copy of the answer has 1"
    advice = "It measures nearness to the anchor as the policy sees it, not quality beyond the anchor."

    role: Annotated[Literal["pointwise"], "one response and the anchor"] = "pointwise"
    by: Annotated[Literal["probabilities"], "the probabilities of the words Yes and No"] = "probabilities"
    reference: Annotated[bool, "show the anchor to the policy"] = True
    words: Annotated[
        list[str] | None, "what the policy would say of a good response, and of another; Yes and No by default"
    ] = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.both = tuple(self.words or ("Yes", "No"))
        if len(self.both) != 2:
            raise ConfigurationError(
                f"There are {len(self.both)} words, expected 2: for a good response and for another.",
                where="judge.words",
            )

    def read(self, records: Iterable[Record]) -> None:
        """Take the anchors from the records.

        Raises:
            DataError: a record has none.
        """
        several = list(records)
        GivenAnswers().read(several, self.id)
        for record in several:
            self.answers[as_script(record.prompt)] = answer_of(record)

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`; where two records share a prompt, each has its own anchor."""
        self.answers[as_script(record.prompt)] = answer_of(record)
        return super().sampled(record, responses)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """u of each response; NaN where the policy finds neither word likely."""
        return [1 / (1 + math.exp(-each)) for each in self._log_odds(prompt, responses)]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`."""
        return bradley_terry(torch.tensor(self._log_odds(prompt, responses), dtype=torch.float64))

    def _log_odds(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        anchor = self.answers.get(as_script(prompt), "").strip()
        others = [each for each in responses if each.strip() != anchor]
        found = iter(self._asked(prompt, others) if others else ())
        return [SURE if each.strip() == anchor else next(found) for each in responses]

    def _asked(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The log-odds of the first word, from one question a response."""
        answers = self.answerer.ask(
            [Question(self._question(prompt, (each,)).messages, self.both) for each in responses]
        )
        shares = [share_of(each.first, self.both) for each in answers]
        self.count_unread(prompt, sum(each is None for each in shares), len(shares))
        return [math.nan if each is None else log_odds(each) for each in shares]
