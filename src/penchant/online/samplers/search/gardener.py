"""`Gardener`: draws the next steps of several trees at once, and has the policy answer questions about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from penchant.feedback.records import Text
from penchant.generation.branches import Reader
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Sampling
from penchant.generation.steps import Asked, Step, Stepping, draw_steps
from penchant.online.samplers.search.growth import Growth, Leaf

__all__ = ["Gardener", "Limits"]


@dataclass(frozen=True)
class Limits:
    """What bounds a tree.

    Args:
        depth: steps of a response, the last of which goes on to its end.
        step_tokens: tokens of a step before the last.
        room: tokens of a response.
        alike: similarity from which two steps are the same.
    """

    depth: int
    step_tokens: int
    room: int
    alike: float


class Gardener:
    """Continues trees, those of several prompts in one batch.

    Args:
        engine: samples in this process; its model is set.
        sampling: temperature, ``top_p`` and stop texts.
        limits: of the trees.
        marks: texts that end a step, and ``marks_needed`` how many of them.
    """

    def __init__(
        self, engine: InProcessEngine, sampling: Sampling, limits: Limits, marks: tuple[str, ...], marks_needed: int = 1
    ) -> None:
        self.engine, self.limits = engine, limits
        self.renderer, tokenizer = engine.renderer, engine.renderer.tokenizer
        pad = getattr(tokenizer, "pad_token_id", None)
        self.reader = Reader(engine.model, self.renderer.stop_token_ids[0] if pad is None else pad)
        self.how = Stepping(
            decode=self.decode,
            ends=frozenset(self.renderer.stop_token_ids),
            marks=marks,
            marks_needed=marks_needed,
            stop=(*engine.stop_strings, *sampling.stop),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
        )

    def decode(self, ids: list[int]) -> str:
        """The text of tokens, without special ones."""
        return self.renderer.decode(ids, skip_special_tokens=True)

    def extend(self, nodes: Sequence[tuple[Growth, Leaf]], counts: Sequence[int]) -> list[list[Leaf]]:
        """Draw steps after nodes of several trees.

        Args:
            nodes: trees with the node that is continued.
            counts: steps that are drawn for each.

        Returns:
            For each node its children.
        """
        asked = [
            Asked(
                leaf.branch,
                count,
                limit=self._limit(growth, leaf),
                to_end=leaf.depth + 1 >= self.limits.depth,
                seed=(*growth.seed, leaf.number + 1),
            )
            for (growth, leaf), count in zip(nodes, counts, strict=True)
        ]
        return [
            growth.add(leaf, steps, self.decode, self.limits.alike, self.limits.depth, self.limits.room)
            for (growth, leaf), steps in zip(nodes, self._drawn(asked, self.how), strict=True)
        ]

    def simulate(self, nodes: Sequence[tuple[Growth, Leaf]], steps: int) -> list[str]:
        """What greedy decoding writes after nodes, of which nothing is kept.

        Args:
            nodes: trees with the node that is continued.
            steps: how many steps.

        Returns:
            For each node the text of the steps.
        """
        greedy = replace(self.how, temperature=0.0)
        branches = [leaf.branch.beginning(len(leaf.branch.ids)) for _growth, leaf in nodes]
        open_ = [place for place, (_growth, leaf) in enumerate(nodes) if not leaf.ended]
        for _ in range(steps):
            asked = [
                Asked(branches[place], 1, self._room(nodes[place][0], len(branches[place].ids)), False, ())
                for place in open_
            ]
            found = [several[0] for several in self._drawn(asked, greedy)]
            for place, step in zip(open_, found, strict=True):
                branches[place] = step.branch
            open_ = [
                place
                for place, step in zip(open_, found, strict=True)
                if not step.finished and self._room(nodes[place][0], len(step.branch.ids)) > 0
            ]
        return [
            self.decode(list(branch.ids[len(leaf.branch.ids) :]))
            for branch, (_growth, leaf) in zip(branches, nodes, strict=True)
        ]

    def words(
        self, nodes: Sequence[tuple[Growth, Leaf]], asked: Sequence[Text], words: Sequence[str]
    ) -> list[list[float]]:
        """The probability with which the policy answers with each of several words, by their first tokens.

        Args:
            nodes: trees with the node that is asked about; what prompt and steps have in common with the question is
                not read again.
            asked: for each node the question.
            words: W words with different first tokens.

        Returns:
            For each node W probabilities.
        """
        branches = [
            leaf.branch.leading_to(self.renderer.prompt_ids(each))
            for (_growth, leaf), each in zip(nodes, asked, strict=True)
        ]
        found: list[list[float]] = []
        for start in range(0, len(branches), self.engine.batch_size):
            logits = self.reader.read(branches[start : start + self.engine.batch_size]).logits
            chosen = torch.tensor([self.first_token(asked[start], word) for word in words], device=logits.device)
            found += logits.double().softmax(-1)[:, chosen].tolist()
        return found

    def first_token(self, asked: Text, word: str) -> int:
        """The first token of a word as an answer."""
        return int(self.renderer.response_ids(asked, word)[0])

    def _limit(self, growth: Growth, leaf: Leaf) -> int:
        room = self._room(growth, len(leaf.branch.ids))
        return room if leaf.depth + 1 >= self.limits.depth else min(room, self.limits.step_tokens)

    def _room(self, growth: Growth, length: int) -> int:
        return self.limits.room - (length - growth.prompt_tokens)

    def _drawn(self, asked: Sequence[Asked], how: Stepping) -> list[list[Step]]:
        """The steps, drawn in batches of at most ``batch_size`` rows."""
        found: list[list[Step]] = []
        batch: list[Asked] = []
        for each in asked:
            if batch and sum(one.count for one in batch) + each.count > self.engine.batch_size:
                found += draw_steps(self.reader, batch, how)
                batch = []
            batch.append(each)
        return found + draw_steps(self.reader, batch, how)
