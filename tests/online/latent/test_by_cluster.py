"""The pairing by cluster: latent actions, the game among them, and which candidates make a pair."""

from __future__ import annotations

import math

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.feedback.records import Source
from penchant.generation import Response
from penchant.lab.worlds.words_game.world import mixture, payoffs, preferences, utterances
from penchant.objectives.core.requirements import Requirements
from penchant.objectives.functional.games.regret_matching import exploitability
from penchant.online import build_examples, build_pairing
from penchant.online.latent.actions import cluster_actions, solve_latent_game
from penchant.online.rollouts import Rollout

PAIR = Requirements(("chosen", "rejected"), ())
GAME = preferences()


def thrown(texts: list[str], prompt: int = 0, version: int = 0) -> Rollout:
    """A rollout of utterances; what is not in the game cannot be compared."""
    places = [GAME["responses"].index(each) if each in GAME["responses"] else None for each in texts]
    table = tuple(
        tuple(math.nan if None in (i, j) else GAME["probabilities"][i][j] for j in places)  # type: ignore[index]
        for i in places
    )
    ids = [tuple(10 + sum(map(ord, word)) % 500 for word in text.split()) for text in texts]
    answers = tuple(Response(text, each, True) for text, each in zip(texts, ids, strict=True))
    scores = (0.5,) * len(texts)
    return Rollout(Source("p", prompt), f"p{prompt}", (1, prompt), answers, scores, (), table, version=version)


def test_the_same_seed_gives_the_same_clusters_in_any_order() -> None:
    counts = {text: 1 + place % 3 for place, text in enumerate(utterances())}
    found = cluster_actions(counts, 5, seed=3)
    assert found == cluster_actions(dict(reversed(counts.items())), 5, seed=3)
    actions = {text: text.split()[-1] for text in counts}
    assert len({(actions[text], cluster) for text, cluster in found.items()}) == 5, "one cluster an action"
    assert len(set(cluster_actions(counts, 50).values())) == 20, "no more clusters than utterances"
    assert cluster_actions({}, 3) == {}


def test_all_five_actions_as_clusters_are_solved_to_an_equilibrium() -> None:
    game = solve_latent_game([thrown(utterances())], 5)
    torch.testing.assert_close(game.strategy, torch.full((5,), 0.2, dtype=torch.float64), atol=1e-3, rtol=0)
    played = mixture(game.played(dict.fromkeys(utterances(), 3)))
    assert float(exploitability(payoffs(), played)) < 0.01
    three = [text for text in utterances() if text.split()[-1] in ("rock", "paper", "scissors")]
    narrow = solve_latent_game([thrown(three)], 5 - 2)
    assert float(exploitability(payoffs(), mixture(narrow.played(dict.fromkeys(three, 1))))) == pytest.approx(1 / 3)


def test_the_pair_prefers_what_the_solution_plays_more() -> None:
    # Without lizard, Spock beats all that rock beats, and rock too: the solution never throws rock.
    known = [text for text in utterances() if not text.endswith("lizard")]
    rollout = thrown(known)
    pairing = build_pairing("by_cluster", clusters=4, widening=0, pairs=2)
    chosen = [(views["chosen"][0], views["rejected"][0]) for _same, views, _fields in pairing.choose([rollout])]
    words = {rollout.sequence(place).response: text for place, text in enumerate(known)}
    assert len(chosen) == 2 and len({pair[0].response for pair in chosen}) == 2
    for best, worst in chosen:
        assert words[tuple(worst.response)].endswith("rock") and not words[tuple(best.response)].endswith("rock")


def test_candidates_of_one_cluster_and_even_clusters_give_no_pair() -> None:
    same = [text for text in utterances() if text.endswith("rock")]
    every = build_pairing("by_cluster", clusters=5, widening=0)
    assert build_examples([thrown(same), thrown(utterances(), 1)], every, PAIR) == []
    assert build_examples([thrown(["", "who knows"])], every, PAIR) == [], "nothing can be compared"


def test_the_space_widens_with_the_version_and_may_be_one_for_each_prompt() -> None:
    pairing = build_pairing("by_cluster", clusters=2, widening=2)
    sizes = [len(pairing.latent_game([thrown(utterances(), version=each)]).strategy) for each in (0, 1)]  # type: ignore[attr-defined]
    assert sizes == [2, 4]
    # Rock and paper alone: paper wins; in the game of both prompts nobody does.
    two = thrown([text for text in utterances() if text.split()[-1] in ("rock", "paper")])
    both = [two, thrown(utterances(), 1)]
    apart = build_pairing("by_cluster", clusters=5, widening=0, space="prompt")
    together = build_pairing("by_cluster", clusters=5, widening=0)
    assert build_examples(both, together, PAIR) == [] and len(build_examples(both, apart, PAIR)) == 1


def test_a_game_whose_sides_do_not_mirror_is_refused() -> None:
    rollout = thrown(utterances()[:2])
    broken = Rollout(**{**vars(rollout), "probabilities": ((0.5, 0.9), (0.9, 0.5))})
    with pytest.raises(ConfigurationError, match="P_ij"):
        build_examples([broken], build_pairing("by_cluster"), PAIR)


def test_without_scikit_learn_it_is_refused_before_anything_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="scikit-learn"):
        build_pairing("by_cluster")
