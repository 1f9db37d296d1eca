"""`Fragments`: a short search over fragments of responses such as calls of tools, near a known right one (iTool)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, Interval

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Record, Text, as_text
from penchant.feedback.verdict import verdict_prompt
from penchant.online.roll_in import given_response
from penchant.online.samplers.sampler import Means
from penchant.online.samplers.search.gardener import Gardener
from penchant.online.samplers.search.growth import Growth, Leaf
from penchant.online.samplers.search.hardest import Difficulty, hardest
from penchant.online.samplers.search.tree_search import Growing, TreeSearch

__all__ = ["GRADES", "Fragments", "shared_pieces"]

#: What the grades of the policy's own verdict are worth, before the division by their number.
GRADES = {"A": 1.0, "B": 0.1, "C": -1.0, "D": -2.0}
#: What is asked for them.
QUESTION = "Grade this answer: A right, B nearly right, C wrong, D harmful."


class Fragments(TreeSearch):
    """Searches fragments of a response, whose reward is how much of them the record's own response has.

    A new fragment earns its overlap with that response less ½, and 0.1 more or less where a response ends as it should
    or not. With ``grades`` the policy also grades what greedy decoding makes of it: (p_A + 0.1 p_B − p_C − 2 p_D) / 4.
    Rewards and visits are added to all steps before it; a step's value is its mean reward. An iteration goes down by
    value + w · prior · √(log N_parent / (N + 1)), where the prior is the geometric mean of the token probabilities.

    Of the prompts of a round only the share ``hardest`` is searched, by the perplexity of the record's own response.

    Reference:
        Zeng et al. (2025), iTool: Boosting Tool Use of Large Language Models via Iterative Reinforced Fine-Tuning.
    """

    id = "fragments"
    demonstrated = True

    iterations: Annotated[int, Ge(1), "fragments that are continued"] = 5
    step_tokens: Annotated[int, Ge(1), "tokens of a step before the last; a longer one is cut there, and counted"] = 50
    marks: Annotated[list[str] | None, "texts that end a fragment; '. ', ', ', '=' and '(' by default"] = None
    fragments: Annotated[int, Ge(1), "fragments of a step"] = 1
    exploration: Annotated[float, Ge(0), "weight of the prior in the selection"] = 1.0
    simulated: Annotated[int, Ge(0), "steps of greedy decoding before the policy grades a fragment"] = 2
    grades: Annotated[bool, "whether the policy grades fragments"] = True
    question: Annotated[str, "what it is asked"] = QUESTION
    hardest: Annotated[
        float, Gt(0), Interval(le=1), "share of a round's prompts that is searched, the hardest; 1 for all"
    ] = 0.3
    apart: Annotated[str, "responses with this text and those without are selected separately; empty for all alike"] = (
        "("
    )

    def check(self, means: Means, records: Sequence[Record]) -> None:
        """See `Sampler.check`.

        Raises:
            ConfigurationError: the engine is of another kind, or grades begin with the same token.
            DataError: a record has no response.
        """
        super().check(means, records)
        lacking = next((each for each in records if given_response(each) is None), None)
        if lacking is not None:
            raise DataError(
                f"The sampler {self.id!r} compares with a right response, but this record is a {lacking.kind}.",
                where=str(lacking.source),
                fix="Give demonstrations: prompt and completion.",
            )
        if self.grades and records:
            first = {means.engine.renderer.response_ids(self._asked(records[0], ""), each)[0] for each in GRADES}
            if len(first) < len(GRADES):
                raise ConfigurationError(
                    "The tokenizer writes two of the grades A, B, C and D as the same token.",
                    where="sampler.grades",
                    fix="Give sampler.grades=false.",
                )

    @property
    def step_ends(self) -> tuple[str, ...]:
        """The texts that end a fragment."""
        return tuple(self.marks or (". ", ", ", "=", "("))

    @property
    def step_ends_needed(self) -> int:
        """How many of them a step has."""
        return self.fragments

    def select(self, records: Sequence[Record], difficulty: Difficulty) -> list[Record]:
        """The hardest of a round's prompts."""
        return hardest(records, self.hardest, self.apart, difficulty)

    def grow(self, growth: Growth) -> Growing:
        """See `TreeSearch.grow`; ``v`` of a node is the sum of its rewards."""
        for _ in range(self.iterations):
            leaf = growth.root
            while leaf.children:
                leaf = max(leaf.below, key=self._promise)
            if leaf.ended:
                _reward(leaf, leaf.value)
                continue
            yield leaf
            for each in leaf.below:
                _reward(each, each.value)

    def evaluate(self, added: Sequence[tuple[Growth, Leaf]], gardener: Gardener, means: Means) -> None:
        """See `TreeSearch.evaluate`."""
        confident = self._confidence(added, gardener) if self.grades else [0.0] * len(added)
        for (growth, leaf), sure in zip(added, confident, strict=True):
            right = as_text(given_response(growth.record) or "")
            leaf.value = shared_pieces(leaf.text, right) - 0.5 + sure
            if leaf.ended:
                leaf.value += 0.1 if _ends_alike(leaf.written, right) else -0.1
            leaf.prior = math.exp(sum(leaf.token_logps) / len(leaf.token_logps))
            leaf.q = 0.0

    def _confidence(self, added: Sequence[tuple[Growth, Leaf]], gardener: Gardener) -> list[float]:
        simulated = gardener.simulate(added, self.simulated) if self.simulated else [""] * len(added)
        asked = [
            self._asked(growth.record, leaf.written + further)
            for (growth, leaf), further in zip(added, simulated, strict=True)
        ]
        return [
            sum(worth * chance for worth, chance in zip(GRADES.values(), chances, strict=True)) / len(GRADES)
            for chances in gardener.words(added, asked, list(GRADES))
        ]

    def _asked(self, record: Record, written: str) -> Text:
        return verdict_prompt(record.prompt, written, self.question)

    def _promise(self, leaf: Leaf) -> float:
        assert leaf.parent is not None
        explored = math.sqrt(math.log(max(1, leaf.parent.visits)) / (leaf.visits + 1))
        return leaf.v / (leaf.visits + 1) + self.exploration * leaf.prior * explored


def _reward(leaf: Leaf, reward: float) -> None:
    """Add a reward and a visit to a step and all before it."""
    for each in leaf.path:
        each.v += reward
        each.visits += 1
        each.q = each.v / each.visits


def shared_pieces(text: str, right: str) -> float:
    """The share of a text's words and signs that a right text has, as often as it has them.

    Args:
        text: a fragment; one without words and signs shares nothing.
        right: the right text.

    Example:
        >>> shared_pieces("weather(city=", "weather(city=Rome)"), shared_pieces("Rome, Rome", "Rome")
        (1.0, 0.3333333333333333)
    """
    own, known = (Counter(re.findall(r"\w+|[^\w\s]", each)) for each in (text, right))
    return sum((own & known).values()) / max(1, sum(own.values()))


def _ends_alike(text: str, right: str) -> bool:
    return text.strip().endswith(")") == right.strip().endswith(")")
