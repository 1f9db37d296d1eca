"""`draw_steps`: several next steps after each of many branches, up to a line's end or another mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from penchant.generation.branches import Branch, Branches, Reader
from penchant.generation.drawing import draw_tokens, nucleus

__all__ = ["Asked", "Step", "Stepping", "draw_steps"]


@dataclass(frozen=True)
class Asked:
    """A request for steps.

    Args:
        branch: what they continue.
        count: how many are drawn.
        limit: maximum tokens of a step.
        to_end: whether a step goes on to the end of the response.
        seed: of its random numbers; they depend on nothing else.
    """

    branch: Branch
    count: int
    limit: int
    to_end: bool
    seed: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """A step that was drawn.

    Args:
        branch: the branch with it.
        ids: its tokens.
        logps: their log-probabilities under the model at temperature 1, nats.
        finished: whether it ends the response.
        cut: whether it ended at its limit of tokens.
    """

    branch: Branch
    ids: tuple[int, ...]
    logps: tuple[float, ...]
    finished: bool
    cut: bool


@dataclass(frozen=True)
class Stepping:
    """How steps are drawn.

    Args:
        decode: from token ids to text.
        ends: tokens that end a response.
        marks: texts that end a step, such as the end of a line.
        marks_needed: how many of them a step has.
        stop: texts that end a response.
        temperature: divides the logits; 0 for the likeliest token.
        top_p: probability mass to draw from.
    """

    decode: Callable[[list[int]], str]
    ends: frozenset[int]
    marks: tuple[str, ...] = ("\n",)
    marks_needed: int = 1
    stop: tuple[str, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0

    def state(self, ids: list[int], limit: int, to_end: bool) -> tuple[bool, bool, bool]:
        """Whether a step is over, whether it ends the response, and whether its limit cut it."""
        if ids[-1] in self.ends:
            return True, True, False
        if self.stop or not to_end:
            text = self.decode(ids)
            if any(each in text for each in self.stop):
                return True, True, False
            if not to_end and marks_in(text, self.marks) >= self.marks_needed:
                return True, False, False
        return len(ids) >= limit, False, len(ids) >= limit


def marks_in(text: str, marks: Sequence[str]) -> int:
    """How many marks a text has, those of white space at its beginning left out.

    Example:
        >>> marks_in("\\n1+2=3\\n", ("\\n",)), marks_in("f(a=1", ("(", "=")), marks_in("\\n", ("\\n",))
        (1, 2, 0)
    """
    written = text.lstrip()
    return sum(written.count(each) for each in marks)


def draw_steps(reader: Reader, asked: Sequence[Asked], how: Stepping) -> list[list[Step]]:
    """Draw the steps of every request, all at once.

    Args:
        reader: the model.
        asked: requests; a branch occurs once.
        how: how steps are drawn.

    Returns:
        For each request its steps.
    """
    if not asked:
        return []
    live = reader.read([each.branch for each in asked])
    rows = [(place, sample) for place, each in enumerate(asked) for sample in range(each.count)]
    live.select([place for place, _sample in rows])
    drawn = [_Row(asked[place], sample) for place, sample in rows]
    alive = list(range(len(drawn)))
    while alive:
        tokens = _drawn(live.logits, [drawn[each] for each in alive], how)
        going = [at for at, each in enumerate(alive) if not drawn[each].over(tokens[at], how)]
        for at, each in enumerate(alive):
            if drawn[each].done is not None:
                drawn[each].close(live, at)
        if len(going) < len(alive) and going:
            live.select(going)
        alive = [alive[at] for at in going]
        if alive:
            live.advance([drawn[each].ids[-1] for each in alive])
    found: list[list[Step]] = [[] for _ in asked]
    for (place, _sample), row in zip(rows, drawn, strict=True):
        assert row.done is not None
        found[place].append(row.done)
    return found


class _Row:
    """A step while it is drawn."""

    def __init__(self, asked: Asked, sample: int) -> None:
        self.asked, self.ids, self.logps = asked, list[int](), list[float]()
        self.random = np.random.default_rng([*asked.seed, sample])
        self.done: Step | None = None

    def over(self, token: tuple[int, float], how: Stepping) -> bool:
        """Take the next token; whether the step is over."""
        self.ids.append(token[0])
        self.logps.append(token[1])
        self.asked.branch.tally.sampled += 1
        over, finished, cut = how.state(self.ids, self.asked.limit, self.asked.to_end)
        if over:
            branch = self.asked.branch.grown(self.ids)
            self.done = Step(branch, tuple(self.ids), tuple(self.logps), finished, cut)
        return over

    def close(self, live: Branches, row: int) -> None:
        """Keep what the model has read of it: all but the last token."""
        assert self.done is not None
        own = live.run(row, len(self.ids) - 1)
        if own.length:
            branch = self.done.branch
            self.done = replace(self.done, branch=Branch(branch.ids, branch.tally, (*branch.runs, own)))


def _drawn(logits: Tensor, rows: Sequence[_Row], how: Stepping) -> list[tuple[int, float]]:
    """A token for each row, and its log-probability at temperature 1."""
    plain = logits.float().log_softmax(-1)
    if how.temperature == 0:
        chosen = plain.argmax(-1)
    else:
        chances = nucleus((logits.float() / how.temperature).softmax(-1), how.top_p)
        points = torch.tensor([each.random.random() for each in rows], dtype=torch.float64, device=chances.device)
        chosen = draw_tokens(chances, points)
    logps = plain.gather(-1, chosen.unsqueeze(1)).squeeze(1)
    return list(zip(chosen.tolist(), logps.tolist(), strict=True))
