"""`Talk`: the conversations about one task, as a tree of turns that grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penchant.curation.edit_distance import edit_distance
from penchant.feedback.records import Record
from penchant.generation.runs import agreeing
from penchant.online.samplers.conversations.agents import Turn
from penchant.online.trees import INVALID, POLICY, ROOT, Node, Tree

__all__ = ["ANSWERED", "LIMIT", "REPEATING", "TOO_LONG", "Ended", "Talk", "apart"]

#: How a conversation ends: with a stop word; at the limit of turns; an agent said the same again and again; what an
#: agent would have to read is longer than the model takes.
ANSWERED, LIMIT, REPEATING, TOO_LONG = "answered", "limit", "repeating", "too long"


def apart(one: str, other: str) -> float:
    """The edit distance of two texts as a share of the longer one, 0 to 1.

    Example:
        >>> apart("x = 3", "x = 4"), apart("", "")
        (0.2, 0.0)
    """
    longest = max(len(one), len(other))
    return edit_distance(one, other) / longest if longest else 0.0


@dataclass
class Ended:
    """A conversation that has come to its end.

    Args:
        leaf: its last turn.
        why: how it ended.
        task: the score of the task; NaN where the judge has none.
    """

    leaf: int
    why: str
    task: float = math.nan


@dataclass
class Talk:
    """The conversations about one task.

    Args:
        record: the task.
        merged: a turn whose text is at most this far from that of a sibling is taken as that one (`apart`); below 0 no
            two turns are the same.

    Attributes:
        turns: all turns; ``parents`` the turn that each answers, `ROOT` for the first.
        losses: mean loss of each turn under the base model, where it is known.
        ended: the conversations that are over, in order.
        expanded: the turns from which a search went on.
        changed: tokens that an agent had read or said, and which its next turn does not begin with; ``rewritten`` says
            whether the text before its last turn is another one then.
    """

    record: Record
    merged: float = -1.0
    turns: list[Turn] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    losses: dict[int, float] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    expanded: list[int] = field(default_factory=list)
    changed: int = 0
    rewritten: bool = False

    def path(self, place: int) -> list[int]:
        """The turns from the first to this one."""
        found = []
        while place != ROOT:
            found.append(place)
            place = self.parents[place]
        return found[::-1]

    def said(self, place: int) -> list[str]:
        """Their texts."""
        return [self.turns[each].text for each in self.path(place)]

    def follow(self, at: int, context: Sequence[int], decode: Callable[[list[int]], str]) -> None:
        """Count what the agent whose turn it is had read or said, and does not read as it was.

        Args:
            at: the turn that it answers.
            context: the tokens that it reads now.
            decode: from tokens to text.
        """
        own = ROOT if at == ROOT else self.parents[at]
        if own == ROOT:
            return
        before = self.turns[own].seen
        known = (*before, *self.turns[own].ids[:-1])
        same = agreeing(known, context)
        self.changed += len(known) - same
        if same < len(before):  # where a text goes on, a tokenizer may join its last tokens with what follows
            self.rewritten |= not decode(list(context)).startswith(decode(list(before)))

    def children(self, place: int) -> list[int]:
        """The turns that answer this one."""
        return [each for each, parent in enumerate(self.parents) if parent == place]

    def add(self, parent: int, turn: Turn) -> int:
        """The place of a turn after another: a new one, or that of a sibling that says nearly the same.

        A conversation goes on from the sibling as it was said. So all that follow a turn have read the same.

        Args:
            parent: the turn that it answers, or `ROOT`.
            turn: what was said.
        """
        for each in self.children(parent) if self.merged >= 0 else ():
            if apart(self.turns[each].text, turn.text) <= self.merged:
                return each
        self.turns.append(turn)
        self.parents.append(parent)
        return len(self.turns) - 1

    def tokens(self, place: int) -> int:
        """The tokens of both agents up to this turn."""
        return sum(len(self.turns[each].ids) for each in self.path(place))

    def values(self, rewards: list[float]) -> tuple[list[float], list[int]]:
        """For each turn the mean reward of the conversations through it, and their number.

        Args:
            rewards: of the conversations; NaN counts nowhere.
        """
        sums, visits = [0.0] * len(self.turns), [0] * len(self.turns)
        for each, reward in zip(self.ended, rewards, strict=True):
            for place in [] if math.isnan(reward) else self.path(each.leaf):
                sums[place] += reward
                visits[place] += 1
        return [one / count if count else math.nan for one, count in zip(sums, visits, strict=True)], visits

    def tree(
        self,
        rewards: list[float],
        speakers: tuple[str, str] = (POLICY, POLICY),
        valid: Callable[[str], bool] = bool,
    ) -> Tree:
        """The tree of turns.

        Args:
            rewards: of the conversations.
            speakers: who the two agents are.
            valid: whether a text is a valid action; by default any but the empty one.
        """
        values, visits = self.values(rewards)
        ends = {each.leaf: (each.why, reward) for each, reward in zip(self.ended, rewards, strict=True)}
        nodes = []
        for place, (turn, parent) in enumerate(zip(self.turns, self.parents, strict=True)):
            agent = (len(self.path(place)) - 1) % 2
            facts = {"agent": float(agent)}
            if place in self.losses:
                facts["base_loss"] = self.losses[place]
            if not valid(turn.text):
                facts[INVALID] = 1.0
            why, reward = ends.get(place, ("", math.nan))
            nodes.append(
                Node(
                    parent,
                    turn.ids,
                    turn.text,
                    speakers[agent],
                    turn.context,
                    finished=why == ANSWERED,
                    score=reward,
                    visits=visits[place],
                    value=values[place],
                    facts=facts,
                )
            )
        return Tree(tuple(nodes))
