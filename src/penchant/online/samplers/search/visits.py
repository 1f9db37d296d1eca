"""`Search`: a tree search that follows visits and values, with the policy as judge of its own steps (MCTS-DPO)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from annotated_types import Ge, Interval

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text, as_text
from penchant.feedback.verdict import WORDS, verdict_prompt
from penchant.objectives.functional.games.tree_values import back_propagate, puct
from penchant.online.roll_in import given_response
from penchant.online.samplers.sampler import Means
from penchant.online.samplers.search.gardener import Gardener
from penchant.online.samplers.search.growth import Growth, Leaf
from penchant.online.samplers.search.tree_search import Growing, TreeSearch
from penchant.rewards.scores import scored_samples

__all__ = ["QUESTION", "Search", "known_answer"]

#: Asked after a prompt and its first steps; ``{answer}`` stands for the known answer.
QUESTION = "The right answer is {answer}. Are these steps correct or incorrect?"


class Search(TreeSearch):
    """Searches the steps of a response: a step is a line. Its leaves are the responses of the prompt.

    An iteration goes down by PUCT, draws the next steps where there are none, and ends where a response does. A step is
    worth c / max(depth − 3, 1) for the policy's own confidence c in it, and 1 or −1 more for a right or wrong response;
    where that is 0 it is worth what the step before it is. After the iterations the search moves on to the step with
    the most visits.

    Reference:
        Xie et al. (2024), Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning, section 3.1.
    """

    id = "search"
    judged = True

    iterations: Annotated[int, Ge(1), "iterations before each move"] = 64
    root_factor: Annotated[int, Ge(1), "how many times as many before the first move"] = 4
    root_actions: Annotated[int, Ge(1), "steps drawn after the prompt"] = 2
    exploration: Annotated[float, Ge(0), "weight of the prior in PUCT"] = 1.0
    length_penalty: Annotated[float, Ge(0), "exponent of the tokens in the prior exp(Σ log π / tokens^penalty)"] = 1.25
    gamma: Annotated[float, Interval(ge=0, le=1), "discount of later steps"] = 1.0
    evaluation: Annotated[
        Literal["policy", "judge", "none"],
        "who evaluates unfinished responses: the policy in two words, the judge, or nobody",
    ] = "policy"
    question: Annotated[str, "what the policy is asked about its steps; {answer} is the record's answer"] = QUESTION
    words: Annotated[
        list[str] | None, "the answers for right and for wrong steps; correct and incorrect by default"
    ] = None

    def check(self, means: Means, records: Sequence[Record]) -> None:
        """See `Sampler.check`.

        Raises:
            ConfigurationError: the engine is of another kind, or both words begin with the same token.
        """
        super().check(means, records)
        both = self._words
        if len(both) != 2:
            raise ConfigurationError(f"There are {len(both)} words, expected 2.", where="sampler.words")
        if self.evaluation == "policy" and records:
            asked = self._asked(records[0], "")
            first, second = (means.engine.renderer.response_ids(asked, word)[0] for word in both)
            if first == second:
                raise ConfigurationError(
                    f"The words {both[0]!r} and {both[1]!r} begin with the same token.",
                    where="sampler.words",
                    why="The policy's next token then does not decide between them.",
                    fix="Give two words with different first tokens (sampler.words), or sampler.evaluation=none.",
                )

    def count(self, leaf: Leaf) -> int:
        """How many steps are drawn after a node."""
        return self.root_actions if leaf.parent is None else self.actions

    def grow(self, growth: Growth) -> Growing:
        """See `TreeSearch.grow`."""
        start = growth.root
        while not start.ended:
            for _ in range(self.iterations * (self.root_factor if start is growth.root else 1)):
                leaf = start
                while not leaf.ended:
                    if not leaf.children:
                        yield leaf
                    leaf = max(leaf.below, key=self._promise)
                back_propagate(leaf, self.gamma, top=start)
            start = max(start.below, key=_visited)
            start.on_path = True

    def evaluate(self, added: Sequence[tuple[Growth, Leaf]], gardener: Gardener, means: Means) -> None:
        """See `TreeSearch.evaluate`."""
        sure = self._confidence(added, gardener, means)
        verifies = means.judge is not None and means.judge.verifies
        for (_growth, leaf), confidence in zip(added, sure, strict=True):
            worth = confidence / max(leaf.depth - 3, 1)
            if leaf.ended:
                worth += _outcome(leaf.outcome, verifies)
            assert leaf.parent is not None
            leaf.value = worth if worth else leaf.parent.value
            leaf.q = leaf.parent.v + leaf.reward

    def _confidence(self, added: Sequence[tuple[Growth, Leaf]], gardener: Gardener, means: Means) -> list[float]:
        if self.evaluation == "policy":
            asked = [self._asked(growth.record, leaf.written) for growth, leaf in added]
            chances = gardener.words(added, asked, self._words)
            return [right / (right + wrong) if right + wrong > 0 else 0.0 for right, wrong in chances]
        if self.evaluation == "judge":
            return [self._judged(growth, leaf, means) for growth, leaf in added]
        return [0.0] * len(added)

    @staticmethod
    def _judged(growth: Growth, leaf: Leaf, means: Means) -> float:
        """The judge's score of an unfinished response; 0 where it has none, or where the outcome says it."""
        if leaf.ended or means.judge is None:
            return 0.0
        [score], _parts = scored_samples(means.judge, growth.record, [leaf.response(growth.prompt_tokens)])
        return 0.0 if math.isnan(score) else score

    def _asked(self, record: Record, written: str) -> Text:
        return verdict_prompt(record.prompt, written, self.question.replace("{answer}", known_answer(record)))

    @property
    def _words(self) -> tuple[str, ...]:
        return tuple(self.words or WORDS)

    def _promise(self, leaf: Leaf) -> float:
        return puct(leaf, self.exploration, self.length_penalty)


def known_answer(record: Record) -> str:
    """What a record says is right: its field ``answer``, or the response that it gives; empty without either."""
    said = given_response(record)
    return str(record.fields["answer"]) if "answer" in record.fields else "" if said is None else as_text(said)


def _outcome(score: float, verifies: bool) -> float:
    """1 or −1 for a verdict, another judge's score as it is; 0 where there is none."""
    if math.isnan(score):
        return 0.0
    return 2 * score - 1 if verifies else score


def _visited(leaf: Leaf) -> tuple[float, ...]:
    """What decides the next move: visits, then how far the visits of its children are apart, then Q and V."""
    counts = sorted((each.visits for each in leaf.children), reverse=True)
    gap = counts[0] - counts[1] if len(counts) > 1 else 0
    return leaf.visits, gap, leaf.q, leaf.v
