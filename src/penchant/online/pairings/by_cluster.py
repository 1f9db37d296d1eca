"""The pairing ``by_cluster``: what is said is an action of a game, and the game's solution says which one to prefer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval

from penchant.online.latent.actions import LatentGame, check_clustering, solve_latent_game
from penchant.online.pairing import Chosen, Pairing
from penchant.online.pairings.games import WHOSE, pair_of
from penchant.online.rollouts import Rollout

__all__ = ["ByCluster"]


class ByCluster(Pairing):
    """Responses of the cluster with the highest solved probability against those of the lowest.

    Utterances are clustered into latent actions (k-means), the judge's comparisons give the payoffs among the clusters,
    and regret matching solves that symmetric game. The number of clusters grows from round to round. The pair is
    ordered by the solved probability: the higher one is chosen. Responses of one cluster give no pair.

    Reference:
        Xu et al. (2025), Learning Strategic Language Agents in the Werewolf Game with Iterative Latent Space Policy
        Optimization, arXiv:2502.04686.
    """

    id = "by_cluster"
    views = ("chosen", "rejected")
    fields = ("margin", "chosen_score", "rejected_score", "preference_probability", *WHOSE)
    compares = True

    clusters: Annotated[int, Ge(2), "latent actions in the first round"] = 3
    widening: Annotated[int, Ge(0), "further latent actions in each later round"] = 1
    space: Annotated[Literal["round", "prompt"], "one game for all prompts of a round, or one for each prompt"] = (
        "round"
    )
    embedding: Annotated[str, "of utterances: tf-idf, tf-idf-svd, or the folder of a model"] = "tf-idf"
    lead: Annotated[
        float, Interval(ge=0, lt=1), "least difference of the two probabilities, which are solved approximately"
    ] = 0.05
    pairs: Annotated[int, Gt(0), "at most so many pairs a prompt, of different responses"] = 1
    solver_rounds: Annotated[int, Gt(0), "of regret matching"] = 10_000
    seed: Annotated[int, Ge(0), "of the clusters"] = 0

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        check_clustering()

    def latent_game(self, rollouts: Sequence[Rollout]) -> LatentGame:
        """The game of some samples of one round, solved.

        Args:
            rollouts: at least one, of one version of the weights; it says how far the latent space has widened.
        """
        wide = self.clusters + self.widening * max(each.version for each in rollouts)
        return solve_latent_game(rollouts, wide, embedding=self.embedding, rounds=self.solver_rounds, seed=self.seed)

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """At most ``pairs`` pairs for each prompt."""
        games: dict[str, LatentGame] = {}
        for rollout in rollouts:
            key = str(rollout.prompt) if self.space == "prompt" else ""
            if key not in games:
                games[key] = self.latent_game([each for each in rollouts if not key or str(each.prompt) == key])
            yield from self._pairs(rollout, games[key])

    def _pairs(self, rollout: Rollout, game: LatentGame) -> Iterator[Chosen]:
        """The pairs of a prompt: candidates of the best of its clusters with those of the worst."""
        members: dict[int, list[int]] = {}
        for place, response in enumerate(rollout.responses):
            if response.text in game.cluster_of:
                members.setdefault(game.cluster_of[response.text], []).append(place)
        if len(members) < 2:
            return
        chances = {cluster: float(game.strategy[cluster]) for cluster in sorted(members)}
        best, worst = max(chances, key=chances.__getitem__), min(chances, key=chances.__getitem__)
        if best == worst or chances[best] - chances[worst] <= self.lead:
            return
        for chosen, rejected in islice(zip(members[best], members[worst], strict=False), self.pairs):
            yield pair_of(rollout, chosen, rejected, ())
