"""Retrieval of catalogue items by questions: mined negatives, a small retriever, and its recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from penchant.evaluation.retrieval.miners import Pool
from penchant.lab.worlds.catalogue.world import CatalogueWorld
from penchant.likelihood.inside.text_embeddings import TextStatistics
from penchant.objectives.functional.retrieval import info_nce_loss

__all__ = ["Retrieval", "retrieval_of"]


@dataclass(frozen=True)
class Retrieval:
    """Queries to learn from and queries to test with, on the same documents, the titles of all items.

    Args:
        train, test: pools with the same documents.
        embedder: frozen TF-IDF embeddings of the documents' words.
    """

    train: Pool
    test: Pool
    embedder: TextStatistics

    def scores(self) -> np.ndarray:
        """[training queries, documents] cosines of the frozen embeddings."""
        return self.embedder.embed(self.train.queries) @ self.embedder.embed(self.train.documents).T

    def recall(self, negatives: np.ndarray, *, steps: int, seed: int, width: int = 32, k: int = 10) -> float:
        """The share of test queries whose document is among the first k, after training with the negatives.

        Args:
            negatives: [training queries, N] places of documents.
            steps: of Adam on batches of 64 queries; only a query's own negatives are in its denominator.
            seed: of the weights and the batches.
            width: of the embeddings of words; a text is their mean.
            k: number of retrieved documents.
        """
        generator = torch.Generator().manual_seed(seed)
        counts = _word_shares([*self.train.queries, *self.train.documents, *self.test.queries])
        words = (0.1 * torch.randn(counts.shape[1], width, generator=generator)).requires_grad_()
        parts = (self.train.queries, self.train.documents, self.test.queries)
        first, documents, last = counts.split([len(each) for each in parts])
        optimizer = torch.optim.Adam([words], lr=0.01)
        candidates = torch.cat([torch.tensor(self.train.positives)[:, None], torch.from_numpy(negatives)], dim=1)
        relevance = torch.zeros(64, candidates.shape[1])
        relevance[:, 0] = 1
        for _ in range(steps):
            rows = torch.randint(len(first), (64,), generator=generator)
            asked = normalize(first[rows] @ words, dim=1)
            given = normalize(documents @ words, dim=1)[candidates[rows]]
            loss = info_nce_loss((given @ asked[:, :, None])[..., 0], relevance, 10.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            scores = normalize(last @ words, dim=1) @ normalize(documents @ words, dim=1).T
        found = scores.topk(k, dim=1).indices
        return float((found == torch.tensor(self.test.positives)[:, None]).any(dim=1).float().mean())


def retrieval_of(world: CatalogueWorld, *, queries: int = 2, seed: int = 0) -> Retrieval:
    """Retrieval in a catalogue world: a document is a title, a query names the same things, half of them otherwise.

    Args:
        world: the world; its ratings give the popularity of items.
        queries: training queries per item, and as many for the test.
        seed: of the questions.
    """
    documents = [item.title for item in world.catalogue]
    often = np.bincount([each.item for each in world.rated()], minlength=len(documents)).astype(float)
    pools = []
    for part in (0, 1):
        drawn = world.questions(queries, seed=2 * seed + part)
        pools.append(Pool([text for text, _ in drawn], documents, [item for _, item in drawn], tuple(often + 1)))
    return Retrieval(pools[0], pools[1], TextStatistics(documents, dimensions=None))


def _word_shares(texts: list[str]) -> Tensor:
    """[texts, words] the share of each word in each text."""
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys(" ".join(texts).split()))}
    counts = torch.zeros(len(texts), len(vocabulary))
    for row, text in enumerate(texts):
        for word in text.split():
            counts[row, vocabulary[word]] += 1
    return counts / counts.sum(dim=1, keepdim=True)
