"""The builder ``curation-round``: comparisons like those that a reward model has wrong, labelled by votes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge

from penchant.curation.agreed_pairs import flipped
from penchant.curation.builder import Builder, Progress
from penchant.curation.judging import JUDGE_WORDS, judges_of
from penchant.curation.rows import Built, as_row, comparisons
from penchant.curation.votes import Annotators, preferred_by
from penchant.feedback import read
from penchant.feedback.records import Comparison, Record, as_text
from penchant.likelihood.inside.text_embeddings import find_embedder

__all__ = ["CurationRound", "nearest", "neighbours_wanted"]


def neighbours_wanted(probability: float, most: int = 8) -> int:
    """How many unverified comparisons a verified one retrieves: fewer, the surer the reward model is of its label.

    k = k_max if p ≤ ½, else ⌈k_max (1 − p)⌉

    Args:
        probability: p = σ(r_chosen − r_rejected) of the verified comparison; NaN counts as unsure.
        most: k_max.

    Example:
        >>> [neighbours_wanted(p) for p in (0.1, 0.5, 0.51, 0.9, 1.0)]
        [8, 8, 4, 1, 0]

    Reference:
        Liu et al. (2025), Skywork-Reward-V2, arXiv:2507.01352.
    """
    return math.ceil(most * (1 - probability)) if probability > 0.5 else most


def nearest(gold: np.ndarray, pool: np.ndarray, wanted: Sequence[int]) -> list[list[int]]:
    """The nearest rows of a pool for each row, by inner product; the first of equal ones.

    Args:
        gold: [G, D] unit rows.
        pool: [N, D] unit rows.
        wanted: G numbers of neighbours.

    Returns:
        For each row of ``gold`` the places in the pool, nearest first.

    Example:
        >>> nearest(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]]), [1])
        [[1]]
    """
    return [
        np.argsort(-(pool @ row), kind="stable")[:count].tolist() if count else []
        for row, count in zip(gold, wanted, strict=True)
    ]


class CurationRound(Builder):
    """Unverified comparisons that resemble those on which a reward model fails, labelled by the votes of judges.

    Each verified comparison retrieves its nearest unverified ones: k_max if the reward model is wrong about it, and
    ⌈k_max (1 − p)⌉ if it gives the label the probability p above ½. Judges label what was retrieved: each is asked
    several times, with the responses in random order, and its majority is one vote. With ``shots`` they see that many
    of the nearest verified comparisons first. Where the votes are tied the comparison is dropped. Then the reward model
    is trained again on the verified comparisons and those of all rounds, and the next round begins.

    Reference:
        Liu et al. (2025), Skywork-Reward-V2: Scaling Preference Data Curation via Human-AI Synergy, arXiv:2507.01352.
        Its judges are language models; the prompt of the shots is ours.
    """

    id = "curation-round"
    reads = "unverified comparisons"
    writes = ("chosen", "rejected", "votes")

    gold: Annotated[Path, "file of verified comparisons"]
    reward: Annotated[str, f"the reward model of this round: {JUDGE_WORDS}"]
    judge: Annotated[list[str], "a judge that labels, in the same form; repeat for several"]
    k_max: Annotated[int, Ge(1), "most comparisons that a verified one retrieves"] = 8
    repeats: Annotated[int, Ge(1), "how often each judge is asked, in random order of the responses"] = 1
    shots: Annotated[int, Ge(0), "verified comparisons that the prompt of a judge shows; for language models"] = 0
    attributes: Annotated[str, "fields that are embedded beside the texts, with commas between them"] = ""
    embedder: Annotated[
        str, "tf-idf-svd or tf-idf, fitted to the data, or the folder of a sentence-embedding model"
    ] = "tf-idf-svd"
    seed: Annotated[int, "seed of the orders"] = 0
    device: Annotated[str, "device of judges with a model"] = "cpu"

    def build(self, records: Iterable[Record]) -> Built:
        """Retrieve and label."""
        return self.build_resumably(records, None, lambda *_: None)  # type: ignore[arg-type]

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Retrieve, and label with progress."""
        pool = comparisons(records, self.id)
        gold = comparisons(read(self.gold), self.id)
        reward, *voters = judges_of([self.reward, *self.judge], [*gold, *pool], self.device)
        said = [preferred_by(reward, pair) for pair in gold]
        wanted = [neighbours_wanted(each, self.k_max) for each in said]
        of_gold, of_pool = self._embedded(gold, pool)
        retrieved = sorted({place for own in nearest(of_gold, of_pool, wanted) for place in own})
        built = Built([], {"records read": len(pool), "verified comparisons": len(gold)})
        built.count("verified comparisons that the reward model has right", sum(each > 0.5 for each in said))
        built.count("retrieved", len(retrieved))
        annotators = Annotators(voters, self.repeats, self.seed)
        shown = nearest(of_pool[retrieved], of_gold, [self.shots] * len(retrieved))
        for done, (place, own) in enumerate(zip(retrieved, shown, strict=True), start=1):
            self._label(pool[place], annotators.vote(pool[place], [gold[each] for each in own]), built)
            progress(done, len(retrieved), "")
        return built

    def _label(self, pair: Comparison, vote: int, built: Built) -> None:
        if vote == 0:
            built.count("dropped: the judges' votes are tied")
            return
        built.count("kept: the judges agree with the label" if vote > 0 else "flipped: the judges reject the label")
        row = as_row(pair) | {"votes": abs(vote)}
        built.rows.append(row if vote > 0 else flipped(row))

    def _embedded(self, gold: Sequence[Comparison], pool: Sequence[Comparison]) -> tuple[np.ndarray, np.ndarray]:
        texts = [self._text(pair) for pair in (*gold, *pool)]
        rows = find_embedder(self.embedder, texts).embed(texts)
        return rows[: len(gold)], rows[len(gold) :]

    def _text(self, pair: Comparison) -> str:
        """The conversation and the attributes of a comparison; its label does not count."""
        names = [name.strip() for name in self.attributes.split(",") if name.strip()]
        named = [f"{name}: {pair.fields[name]}" for name in names if pair.fields.get(name) is not None]
        return "\n".join([as_text(pair.prompt), *sorted(map(as_text, (pair.chosen, pair.rejected))), *named])
