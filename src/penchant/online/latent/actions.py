"""Latent actions: clusters of what was said, and the game among them, solved."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.likelihood.inside.text_embeddings import find_embedder
from penchant.objectives.functional.games.regret_matching import solve_matrix
from penchant.online.rollouts import Rollout

__all__ = ["LatentGame", "check_clustering", "cluster_actions", "solve_latent_game"]


@dataclass(frozen=True)
class LatentGame:
    """A game whose actions are clusters of utterances.

    Args:
        cluster_of: the cluster of each utterance.
        payoff: [k, k] the mean of P − ½ over the utterances of two clusters that met; 0 for clusters that never met.
        strategy: [k] the solved probability of each cluster.
    """

    cluster_of: Mapping[str, int]
    payoff: Tensor
    strategy: Tensor

    def played(self, counts: Mapping[str, int]) -> dict[str, float]:
        """The probability of each utterance where clusters are drawn from the strategy, and utterances from them.

        Args:
            counts: how often each utterance was said; within its cluster it is drawn in this proportion.
        """
        mass = [0.0] * len(self.strategy)
        known = {text: count for text, count in counts.items() if text in self.cluster_of}
        for text, count in known.items():
            mass[self.cluster_of[text]] += count
        return {
            text: float(self.strategy[self.cluster_of[text]]) * count / mass[self.cluster_of[text]]
            for text, count in known.items()
        }


def check_clustering() -> None:
    """Refuse a machine without scikit-learn, before anything is sampled.

    Raises:
        ConfigurationError: it is missing.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ConfigurationError("Clusters of utterances need scikit-learn.", fix="pip install 'penchant[evaluation]'")


def cluster_actions(
    counts: Mapping[str, int], clusters: int, *, embedding: str = "tf-idf", seed: int = 0
) -> dict[str, int]:
    """Clusters of utterances by k-means on their embeddings, each weighted by the square root of its count.

    With the counts themselves the wordings of a frequent action would fall apart before a rare action is found; with
    none, an action that is said once would count like one that is said always.

    Args:
        counts: how often each utterance was said.
        clusters: at most so many; fewer where there are fewer utterances.
        embedding: an embedder's name, see `penchant.likelihood.inside.text_embeddings.find_embedder`.
        seed: of the first centres; the same seed gives the same clusters, in any order of the utterances.

    Returns:
        The cluster of each utterance, from 0; the clusters are numbered from the most frequent.

    Raises:
        ConfigurationError: scikit-learn is missing, there is no such embedder, or the utterances hold no word.

    Example:
        >>> cluster_actions({"a red stone": 3, "some red stone": 1, "blue paper": 2}, 2)
        {'a red stone': 0, 'blue paper': 1, 'some red stone': 0}
    """
    check_clustering()
    from sklearn.cluster import KMeans

    texts = sorted(counts)
    if not texts:
        return {}
    vectors = find_embedder(embedding, texts).embed(texts)
    weights = np.sqrt([counts[text] for text in texts])
    different = len(np.unique(vectors, axis=0))
    means = KMeans(min(clusters, different), n_init=10, random_state=seed)
    found = means.fit(vectors, sample_weight=weights).labels_.tolist()
    heavy = Counter[int]()
    for place, weight in zip(found, weights.tolist(), strict=True):
        heavy[place] += weight
    order = sorted(heavy, key=lambda place: (-heavy[place], found.index(place)))
    return {text: order.index(place) for text, place in zip(texts, found, strict=True)}


def solve_latent_game(
    rollouts: Sequence[Rollout], clusters: int, *, embedding: str = "tf-idf", rounds: int = 10_000, seed: int = 0
) -> LatentGame:
    """Cluster what was said, and solve the game among the clusters.

    u(a, b) = mean of P(i beats j) − ½ over the responses i of cluster a and j of cluster b to one prompt

    Args:
        rollouts: samples with the judge's comparisons.
        clusters, embedding, seed: as for `cluster_actions`.
        rounds: of regret matching.

    Returns:
        The game; without any response that can be compared, one without actions.

    Raises:
        ConfigurationError: as for `cluster_actions`, or comparisons are not those of a symmetric game.
    """
    counts = Counter(
        rollout.responses[place].text
        for rollout in rollouts
        for place in range(len(rollout.probabilities))
        if not math.isnan(rollout.probabilities[place][place])
    )
    counts = Counter({text: count for text, count in counts.items() if text.strip()})
    cluster_of = cluster_actions(counts, clusters, embedding=embedding, seed=seed)
    if not cluster_of:
        return LatentGame({}, torch.zeros(0, 0, dtype=torch.float64), torch.zeros(0, dtype=torch.float64))
    payoff = _payoff(rollouts, cluster_of)
    return LatentGame(cluster_of, payoff, solve_matrix(payoff, rounds))


def _payoff(rollouts: Sequence[Rollout], cluster_of: Mapping[str, int]) -> Tensor:
    """[k, k] what one cluster gains against another, on average."""
    size = max(cluster_of.values()) + 1
    gained, met = torch.zeros(size, size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
    for rollout in rollouts:
        table = torch.tensor(rollout.probabilities, dtype=torch.float64) - 0.5
        places = [place for place in range(len(table)) if rollout.responses[place].text in cluster_of]
        said = torch.tensor([cluster_of[rollout.responses[place].text] for place in places], dtype=torch.long)
        table = table[places][:, places].fill_diagonal_(0.0)
        if bool(((table + table.T).abs() > 1e-6).any()):
            raise ConfigurationError(
                f"The responses to {str(rollout.prompt)[-60:]!r} are compared with P_ij + P_ji ≠ 1.",
                where="pairing by_cluster",
                why="What one side of a symmetric game gains, the other loses.",
                fix="Give a judge that compares both orders alike, such as preference_table or preference_function.",
            )
        member = torch.nn.functional.one_hot(said, size).double()
        known = torch.isfinite(table).double()
        gained += member.T @ table.nan_to_num(0.0) @ member
        met += member.T @ known @ member
    return gained / met.clamp(min=1)
