"""`ConversationTree`: conversations that branch where it may pay, for pairs of turns."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Annotated

from annotated_types import Gt, Interval

from penchant.feedback.records import Record
from penchant.generation.responses import Sampling
from penchant.online.samplers.conversations.playing import Place
from penchant.online.samplers.conversations.talks import Talk, apart
from penchant.online.samplers.conversations.two_agents import TwoAgents
from penchant.online.samplers.sampler import Means
from penchant.online.trees import ROOT

__all__ = ["ConversationTree", "candidates"]

# Between the seeds of two expansions.
STRIDE = 104_729


class ConversationTree(TwoAgents):
    """Conversations of two agents that branch: a tree of turns for each task.

    It is expanded ``explore`` times. Each time one turn is drawn by the softmax of values among the ``best`` of those
    from which the search may go on (`candidates`), and ``samples_per_prompt`` conversations are played from there to
    their ends. The first begins at the task. A turn that differs little from a sibling (``merged``) is that sibling,
    and its conversation goes on from what the sibling said. So siblings have read the same. The value of a turn is the
    mean reward of the conversations through it.

    Reference:
        Chen et al. (2024), Optima: Optimizing Effectiveness and Efficiency for LLM-Based Multi-Agent System, section
        2.4 and algorithm 3.
    """

    id = "conversation-tree"
    draws = False

    explore: Annotated[int, Gt(0), "expansions of each tree"] = 8
    best: Annotated[int, Gt(0), "turns of the highest value among which the next expansion is drawn"] = 10
    merged: Annotated[float, Interval(ge=0, le=1), "share of a text that may differ in turns that count as one"] = 0.1
    novel: Annotated[
        float, Interval(ge=0, le=1), "share of its text in which a turn differs at least from all that were expanded"
    ] = 0.25

    @property
    def texts(self) -> int:
        """See `Sampler.texts`: the turns of all expansions."""
        return self.explore * self.turns

    def kept_tokens(self, prompt: int, new: int) -> int:
        """See `Sampler.kept_tokens`: the branches of all expansions, where they are kept."""
        return super().kept_tokens(prompt, new) * (self.explore if self.keep_cache else 1)

    def _played(self, records: Sequence[Record], means: Means, sampling: Sampling, seed: int) -> list[Talk]:
        talks = [Talk(record, self.merged) for record in records]
        draw = random.Random(seed)
        for expansion in range(self.explore):
            rewards = self._rewards(talks, means)
            places = [self._chosen(*each, draw) for each in zip(talks, rewards, strict=True)]
            for talk, place in zip(talks, places, strict=True):
                talk.expanded.append(place)
            begun = [Place(which, place) for which, place in enumerate(places) for _ in range(sampling.samples)]
            self._play(talks, begun, means, sampling, seed + expansion * STRIDE)
        return talks

    def _chosen(self, talk: Talk, rewards: list[float], draw: random.Random) -> int:
        """The turn from which the search goes on; `ROOT` for the task itself."""
        values, _visits = talk.values(rewards)
        known = [each for each in rewards if not math.isnan(each)]
        worth = {ROOT: sum(known) / len(known) if known else 0.0}
        worth |= {place: value for place, value in enumerate(values) if not math.isnan(value)}
        able = sorted((each for each in candidates(talk, self.novel) if each in worth), key=lambda each: -worth[each])
        ranked = able[: self.best]
        return draw.choices(ranked, [math.exp(worth[each] - worth[ranked[0]]) for each in ranked])[0]


def candidates(talk: Talk, novel: float) -> list[int]:
    """The turns from which a search may go on: the task itself, and every turn with grandchildren that is new.

    A turn is new if it differs in more than ``novel`` of its text from every turn that was expanded.

    Args:
        talk: the conversations so far.
        novel: share of a text, see `apart`.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> from penchant.online.samplers.conversations.agents import Turn
        >>> talk = Talk(Prompt(prompt="p"))
        >>> for place, text in enumerate(["a", "b", "c"]):
        ...     _ = talk.add(place - 1, Turn((5,), text, ()))
        >>> candidates(talk, 0.25)
        [-1, 0]
    """
    inner = set(talk.parents)
    deep = {talk.parents[each] for each in inner if each != ROOT}
    expanded = [talk.turns[each].text for each in talk.expanded if each != ROOT]
    fresh = [
        each for each in sorted(deep - {ROOT}) if all(apart(talk.turns[each].text, other) > novel for other in expanded)
    ]
    return [ROOT, *fresh]
