"""`InverseRL`, a judge that learns one reward for each category of prompts from demonstrations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Demonstration, Record, Text, as_text
from penchant.likelihood.inside.text_embeddings import Embedder, find_embedder
from penchant.rewards.inverse.learning import learn_reward
from penchant.rewards.judge import Judge

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["InverseRL", "dissimilarity"]

_EVERY = "all prompts"


class InverseRL(Judge):
    """The shadow reward of a response's category: linear in the embedding of its text, learned from demonstrations.

    Each record has a demonstration and samples of the model at the start (a rejected response, or the field
    ``samples``), and a field that names its category. The rewards are learned when the records are read, by
    maximum-likelihood inverse reinforcement learning, and do not change afterwards.

    It scores sampled responses with three parts: ``dissimilarity``, δ from the demonstration; ``gap``, the reward of
    the demonstration minus the response's; and ``category``, its number. The pairing ``by_difficulty`` reads them.

    Example:
        >>> judge = InverseRL(steps=50)
        >>> row = Demonstration(prompt="p", completion="i refuse", fields={"category": "a", "samples": ["i agree"]})
        >>> judge.read([row])
        >>> good, bad = judge.score("p", ["i refuse", "i agree"])
        >>> good > bad
        True

    Reference:
        Cheng et al. (2025), Inverse Reinforcement Learning with Dynamic Reward Scaling for LLM Alignment,
        arXiv:2503.18991.
    """

    id = "inverse_rl"
    formula = "w_c · e(y): the category's learned weights times the embedding of the response"
    span = "any, higher is better; none for a response of which no word was learned"
    advice = "It knows the words of the demonstrations, not the prompt; scores of two categories cannot be compared."

    category: Annotated[str, "field of the record that names its category"] = "category"
    pooled: Annotated[bool, "one reward for all categories"] = False
    embedding: Annotated[str, "of texts: tf-idf, tf-idf-svd, or the folder of a model"] = "tf-idf"
    beta: Annotated[float, Gt(0), "weight of the divergence in the policy step"] = 1.0
    decay: Annotated[float, Ge(0), "keeps the rewards finite"] = 0.01
    steps: Annotated[int, Gt(0), "policy and reward steps"] = 300
    learning_rate: Annotated[float, Gt(0), "of the reward steps"] = 0.1

    def read(self, records: Iterable[Record]) -> None:
        """Learn the rewards.

        Raises:
            DataError: a record has no demonstration, category or samples.
        """
        known = list(records)
        self.shown = {as_text(each.prompt): _shown(each) for each in known}
        samples = [_samples(each) for each in known]
        named = [self._category(each) for each in known]
        self.named = {as_text(each.prompt): name for each, name in zip(known, named, strict=True)}
        self.names = sorted(set(named))
        corpus = [text for each, own in zip(known, samples, strict=True) for text in (_shown(each), *own)]
        self.embedder: Embedder = find_embedder(self.embedding, corpus)
        self.rewards: dict[str, Tensor] = {}
        for name in self.names:
            places = [place for place, each in enumerate(named) if self.pooled or each == name]
            self.rewards[name] = learn_reward(
                self._embedded([_shown(known[place]) for place in places]),
                [self._embedded(samples[place]) for place in places],
                beta=self.beta,
                decay=self.decay,
                steps=self.steps,
                learning_rate=self.learning_rate,
            )

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The rewards of the prompt's category; NaN for a response of whose words none was learned.

        Zero would be more than a response that is known to be bad has: a policy would learn to say what no one knows.

        Raises:
            DataError: the prompt is none of those that were read.
        """
        name = self.named.get(as_text(prompt))
        if name is None:
            raise DataError(f"The prompt {as_text(prompt)[-80:]!r} has no category.", where=self.id)
        return self._rewards(name, responses) if responses else []

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`."""
        key, texts = as_text(record.prompt), [each.text for each in responses]
        shown = self.shown[key]
        scores = self.score(record.prompt, texts)
        [best] = self.score(record.prompt, [shown])
        number = float(self.names.index(self.named[key]))
        return scores, {
            "dissimilarity": [dissimilarity(self.embedder, text, shown) for text in texts],
            "gap": [best - each for each in scores],
            "category": [number] * len(texts),
        }

    def _category(self, record: Record) -> str:
        """The category; one for all where there need be none."""
        found = record.fields.get(self.category)
        if found is None and not self.pooled:
            raise DataError(
                f"The record has no field {self.category!r}.",
                where=str(record.source),
                fix="Name its category there, or give judge.pooled=true for one reward.",
            )
        return _EVERY if found is None else str(found)

    def _rewards(self, name: str, texts: Sequence[str]) -> list[float]:
        """The rewards of texts under a category; NaN where the embedding is zero in all that the category showed."""
        rows, learned = self._embedded(texts), self.rewards[name]
        unknown = (rows[:, learned != 0] == 0).all(1)
        return [float(each) for each in (rows @ learned).masked_fill(unknown, torch.nan)]

    def _embedded(self, texts: Sequence[str]) -> Tensor:
        return torch.from_numpy(np.asarray(self.embedder.embed(list(texts)), dtype=np.float64))


def dissimilarity(embedder: Embedder, response: str, shown: str) -> float:
    """δ = 1 − W: how little the sub-sentences of a response and a demonstration have in common.

    W: the largest cosine of each sub-sentence of one to those of the other, on average over the sub-sentences of both.

    Args:
        embedder: of the sub-sentences.
        response, shown: the two texts.

    Returns:
        0 for the same text, 1 where nothing is shared; 1 for an empty one.

    Example:
        >>> embedder = find_embedder("tf-idf", ["i refuse", "it is harmful", "i agree"])
        >>> round(dissimilarity(embedder, "it is harmful, i refuse", "i refuse. it is harmful"), 6)
        0.0
    """
    parts = [[each for each in re.split(r"[.,;:!?\n]+", text) if each.strip()] for text in (response, shown)]
    if not all(parts):
        return 1.0
    cosines = embedder.embed(parts[0]) @ embedder.embed(parts[1]).T
    best = np.concatenate([cosines.max(1), cosines.max(0)])
    return float(1 - best.mean())


def _shown(record: Record) -> str:
    """The demonstration of a record."""
    if isinstance(record, Demonstration):
        return as_text(record.completion)
    if isinstance(record, Comparison):
        return as_text(record.chosen)
    raise DataError(
        f"The judge inverse_rl needs a demonstration, but this record is a {record.kind}.",
        where=str(record.source),
        fix="Give prompt and completion, or prompt, chosen and rejected.",
    )


def _samples(record: Record) -> list[str]:
    """What the model at the start answered."""
    if isinstance(record, Comparison):
        return [as_text(record.rejected)]
    found = record.fields.get("samples")
    if not isinstance(found, list | tuple) or not found or not all(isinstance(each, str) for each in found):
        raise DataError(
            "The record has no samples of the model at the start.",
            where=str(record.source),
            fix="Give a field samples, a list of texts, or the record as chosen and rejected.",
        )
    return list(found)
