"""Pairings of conversations: the turns of the best to imitate, pairs of turns, and every turn as it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Interval

from penchant.errors import ConfigurationError
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout
from penchant.online.trees import Tree

__all__ = ["BestTurns", "EveryTurn", "TurnPairs", "scored", "written"]


class EveryTurn(Pairing):
    """Every turn that the policy wrote, with what its speaker had read, such as for a teacher's distribution.

    A turn that several conversations share is one example.
    """

    id = "every_turn"
    views = ("chosen",)
    judged = False
    of_trees = True

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each turn, in the order of the nodes of its tree."""
        for rollout in rollouts:
            tree = rollout.grown
            for each in sorted({place for leaf in tree.leaves for place in written(tree, leaf)}):
                yield rollout, {"chosen": [tree.step(rollout.prompt_ids, each)]}, {}


class BestTurns(Pairing):
    """The turns of the best conversation about each task, of the tasks whose best one is among the best of all.

    Tasks are ranked by the reward of their best conversation; those from the share ``first`` to the share ``last`` of
    the ranking stay, if their reward reaches ``threshold``. Each turn that the policy wrote is one example, with what
    its speaker had read.

    Reference:
        Chen et al. (2024), Optima: Optimizing Effectiveness and Efficiency for LLM-Based Multi-Agent
        System, algorithm 1.
    """

    id = "best_turns"
    views = ("chosen",)
    fields = ("score",)
    of_trees = True

    first: Annotated[float, Interval(ge=0, le=1), "share of the ranking at its top that is left out"] = 0.0
    last: Annotated[float, Interval(gt=0, le=1), "share of the ranking up to which tasks are kept"] = 0.7
    threshold: Annotated[float | None, "least reward of a conversation; default: any"] = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if self.first >= self.last:
            raise ConfigurationError(
                f"From the share {self.first} to the share {self.last} of a ranking there is nothing.",
                where="pairing",
                fix="Give a first below last.",
            )

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each turn of a conversation that is kept; of equal rewards the earlier conversation."""
        best = {place: found for place, each in enumerate(rollouts) if (found := _best_leaf(each.grown)) is not None}
        ranked = sorted(best, key=lambda place: (-_score(rollouts[place], best[place]), place))
        kept = ranked[int(self.first * len(ranked)) : max(1, int(self.last * len(ranked)))]
        for place in sorted(kept):
            rollout, leaf = rollouts[place], best[place]
            score = _score(rollout, leaf)
            if self.threshold is None or score >= self.threshold:
                for each in written(rollout.grown, leaf):
                    yield rollout, {"chosen": [rollout.grown.step(rollout.prompt_ids, each)]}, {"score": score}


class TurnPairs(Pairing):
    """The best against the worst answer to the same turn, by the mean reward of the conversations through it.

    A pair stays if the better one is worth more than ``threshold`` and the two are more than ``gap`` apart; of all
    pairs of a round, the share ``keep`` with the best chosen turns.

    Reference:
        Chen et al. (2024), Optima: Optimizing Effectiveness and Efficiency for LLM-Based Multi-Agent
        System, section 2.4.
    """

    id = "turn_pairs"
    views = ("chosen", "rejected")
    fields = ("margin", "chosen_score", "rejected_score")
    of_trees = True

    threshold: Annotated[float, "value that the chosen turn exceeds"] = 0.45
    gap: Annotated[float, Ge(0), "difference of values that a pair exceeds"] = 0.2
    keep: Annotated[float, Interval(gt=0, le=1), "share of the pairs of a round that is kept, best chosen first"] = 0.5

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """At most one pair for each turn that has several answers."""
        found = [(rollout, *pair) for rollout in rollouts for pair in self.pairs(rollout.grown)]
        order = sorted(range(len(found)), key=lambda row: (-_value(found[row][0], found[row][1]), row))
        for row in sorted(order[: math.ceil(self.keep * len(found))]):
            rollout, chosen, rejected = found[row]
            better, worse = _value(rollout, chosen), _value(rollout, rejected)
            views = {
                name: [rollout.grown.step(rollout.prompt_ids, place)]
                for name, place in (("chosen", chosen), ("rejected", rejected))
            }
            yield rollout, views, {"margin": better - worse, "chosen_score": better, "rejected_score": worse}

    def pairs(self, tree: Tree) -> Iterator[tuple[int, int]]:
        """The pairs (chosen, rejected) of a tree that reach the thresholds.

        Args:
            tree: whose nodes have values.
        """
        for _above, children in tree.branching():
            known = [each for each in children if tree.nodes[each].trained and not math.isnan(tree.nodes[each].value)]
            if len(known) < 2:
                continue
            best = max(known, key=lambda each: (tree.nodes[each].value, -each))
            worst = min(known, key=lambda each: (tree.nodes[each].value, each))
            top, gap = tree.nodes[best].value, tree.nodes[best].value - tree.nodes[worst].value
            if top > self.threshold and gap > self.gap:
                yield best, worst


def _best_leaf(tree: Tree) -> int | None:
    """The end of the best conversation; of equal ones the first."""
    known = [leaf for leaf in tree.leaves if scored(tree, leaf)]
    return max(known, key=lambda leaf: (tree.nodes[leaf].score, -leaf)) if known else None


def scored(tree: Tree, leaf: int) -> bool:
    """Whether a conversation has a score.

    Args:
        tree: the conversations about one task.
        leaf: its end.
    """
    return not math.isnan(tree.nodes[leaf].score)


def written(tree: Tree, leaf: int) -> list[int]:
    """The turns of a conversation that the policy wrote.

    Args:
        tree: the conversations about one task.
        leaf: its end.
    """
    return [each for each in tree.path(leaf) if tree.nodes[each].trained and tree.nodes[each].ids]


def _score(rollout: Rollout, leaf: int) -> float:
    return rollout.grown.nodes[leaf].score


def _value(rollout: Rollout, place: int) -> float:
    return rollout.grown.nodes[place].value
