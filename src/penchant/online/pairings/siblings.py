"""Pairing of siblings: steps of a tree that continue the same beginning."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval

from penchant.forest.layout import TokenSequence
from penchant.objectives.functional.games.tree_values import label_smoothing_of_visits
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout
from penchant.online.trees import Node, Tree

__all__ = ["Siblings", "shared_words"]


class Siblings(Pairing):
    """At each branching of a tree the best step against another; what leads to the branching is the prompt.

    Siblings are ordered by visits, then value, gain and score; or by value or score first. Steps that the policy did
    not write, and steps of unknown value, are in no pair. Equal siblings give no pair.

    With ``smoothing: visits`` a pair carries the probability that its label is right, 1 − ε with
    ε = min(1 − 1 / (1 + N_rejected / max(1, N_chosen)), ½), which ``cdpo`` reads.

    Reference:
        Xie et al. (2024), Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning, eq. 6.
    """

    id = "siblings"
    views = ("chosen", "rejected")
    fields = ("margin", "chosen_score", "rejected_score", "probability", "preference_probability")
    judged = False
    of_trees = True

    by: Annotated[Literal["visits", "value", "score"], "what orders siblings first"] = "visits"
    rejected: Annotated[Literal["worst", "second", "random"], "the step that the best is compared with"] = "worst"
    path: Annotated[bool, "only branchings on the path that a search has chosen; else all of the tree"] = True
    smoothing: Annotated[Literal["none", "visits"], "whether the visits say how sure a label is"] = "none"
    gap: Annotated[float, Ge(0), "least lead of the chosen step, in value (by score: in score)"] = 0.0
    relative_gap: Annotated[float, Ge(0), "least lead as a share of the larger of both absolute values"] = 0.0
    floor: Annotated[float | None, "least value of the chosen step; default: any"] = None
    overlap: Annotated[
        float, Gt(0), Interval(le=1), "greatest share of common words of both steps; 1 for any two different steps"
    ] = 1.0
    seed: Annotated[int, Ge(0), "of the random choices"] = 0

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """At most one pair for each branching, from the prompt on."""
        for rollout in rollouts:
            tree = rollout.grown
            for place, children in tree.branching():
                if self.path and not _on_path(tree, place):
                    continue
                pair = self._pair(rollout, tree, place, children)
                if pair is not None:
                    yield rollout, *self._example(rollout, tree, *pair)

    def _pair(self, rollout: Rollout, tree: Tree, place: int, children: list[int]) -> tuple[int, int] | None:
        known = [
            each for each in children if tree.nodes[each].trained and not math.isnan(self._worth(tree.nodes[each]))
        ]
        ranked = sorted(known, key=lambda each: self._order(tree.nodes[each]))
        if len(ranked) < 2:
            return None
        others = ranked[:-1]
        other = {"worst": others[0], "second": others[-1]}.get(self.rejected)
        if other is None:
            other = random.Random(f"{self.seed} {rollout.source} {rollout.version} {place}").choice(others)
        best, worse = tree.nodes[ranked[-1]], tree.nodes[other]
        return (ranked[-1], other) if self._differs(best, worse) else None

    def _differs(self, best: Node, worse: Node) -> bool:
        """Whether a pair says enough."""
        high, low = self._worth(best), self._worth(worse)
        lead = high - low
        return (
            self._order(best) > self._order(worse)
            and (self.gap == 0 or lead >= self.gap)
            and (self.relative_gap == 0 or lead >= self.relative_gap * max(abs(high), abs(low)))
            and (self.floor is None or high >= self.floor)
            and (self.overlap == 1 or shared_words(best.text, worse.text) <= self.overlap)
        )

    def _worth(self, node: Node) -> float:
        return node.score if self.by == "score" else node.value

    def _order(self, node: Node) -> tuple[float, ...]:
        score = -math.inf if math.isnan(node.score) else node.score
        rest = (node.value, node.facts.get("gain", 0.0), score)
        return {"visits": (node.visits, *rest), "value": rest, "score": (score, node.value)}[self.by]

    def _example(
        self, rollout: Rollout, tree: Tree, chosen: int, rejected: int
    ) -> tuple[dict[str, list[TokenSequence]], dict[str, float]]:
        best, worse = tree.nodes[chosen], tree.nodes[rejected]
        high, low = self._worth(best), self._worth(worse)
        sure = math.nan if self.smoothing == "none" else 1 - label_smoothing_of_visits(best.visits, worse.visits)
        views = {
            "chosen": [tree.step(rollout.prompt_ids, chosen)],
            "rejected": [tree.step(rollout.prompt_ids, rejected)],
        }
        fields = {"margin": high - low, "chosen_score": high, "rejected_score": low}
        return views, {**fields, "probability": sure, "preference_probability": sure}


def _on_path(tree: Tree, place: int) -> bool:
    """Whether all nodes up to a place are on the chosen path; the prompt is."""
    return all(tree.nodes[each].facts.get("on_path", 0.0) == 1.0 for each in tree.path(place))


def shared_words(first: str, second: str) -> float:
    """The share of words that two texts have in common, of all the words of both.

    Args:
        first: a text.
        second: another.

    Example:
        >>> shared_words("a small dog", "a small cat"), shared_words("", "")
        (0.5, 1.0)
    """
    one, other = set(first.split()), set(second.split())
    if one | other:
        return len(one & other) / len(one | other)
    return 1.0
