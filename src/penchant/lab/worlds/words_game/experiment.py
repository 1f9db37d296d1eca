"""The experiment of the game in words: rounds of latent games, and how far what is played can be exploited."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError
from penchant.lab.experiment_files import keep_rows, keep_text
from penchant.lab.worlds.words_game.world import WordsWorld, mixture, payoffs, preferences, prompts

if TYPE_CHECKING:
    from penchant.online.rollouts import Rollout
    from penchant.training.run import Result

__all__ = ["Played", "Throws", "play"]


@dataclass(frozen=True)
class Throws:
    """One round.

    Args:
        latent: number of latent actions.
        shares: of the five actions among what the policy said.
        solved: the probabilities of the five actions where the solved game is played with the policy's words.
        exploitability: what the best reply gains against ``solved``, and ``own`` against the policy's ``shares``.
    """

    latent: int
    shares: tuple[float, ...]
    solved: tuple[float, ...]
    exploitability: float
    own: float


@dataclass(frozen=True)
class Played:
    """The rounds of an experiment, and its run."""

    throws: list[Throws]
    result: Result


def play(
    output: Path,
    *,
    rounds: int = 4,
    clusters: int = 3,
    widening: int = 1,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    **keys: Any,
) -> Played:
    """Train the base model by ``lspo`` with a table of who beats whom.

    Args:
        output: folder for the table, the prompts and the run ``lspo``.
        rounds: number of rounds; all but the first widen the latent space.
        clusters: latent actions of the first round.
        widening: further latent actions of each later round.
        seed: seed of sampling, clusters and training.
        resume: continue a stopped run.
        overwrite: replace what is there.
        progress: show the progress of the run on stderr.
        keys: further keys of the recipe.

    Raises:
        ConfigurationError: no round left anything to solve.
        OutputError: ``output`` contains another experiment, or cannot be written.
    """
    from penchant.online.loop import run_online
    from penchant.online.pairing import build_pairing
    from penchant.online.recipe import make_online_recipe
    from penchant.training.preparation import Given
    from penchant.training.progress import ProgressReporter

    given = {"clusters": clusters, "widening": widening, "seed": seed}
    recipe = make_online_recipe({**_recipe(output, rounds, given, overwrite), **keys})
    result = run_online(recipe, Given(), resume=resume, overwrite=overwrite, reporter=ProgressReporter(not progress))
    solver = build_pairing(**recipe.pairing)
    return Played([_throws(solver, _read(result.folder, place)) for place in range(rounds)], result)


def _recipe(output: Path, rounds: int, pairing: Mapping[str, int], overwrite: bool) -> dict[str, Any]:
    """Write the game's files; the keys of the run."""
    data = keep_rows(output / "throws.jsonl", prompts(), overwrite)
    table = keep_text(output / "table.json", json.dumps(preferences()) + "\n", overwrite)
    return {
        "method": "lspo",
        "model": str(WordsWorld().base_model()),
        "data": str(data),
        "eval_data": str(data),
        "output": str(output / "lspo"),
        "judge": {"name": "preference_table", "file": str(table)},
        "pairing": {"name": "by_cluster", "pairs": 8, **pairing},
        "iterations": rounds,
        "prompts_per_iteration": len(prompts()),
        "samples_per_prompt": 64,
        "max_new_tokens": 6,
        "batch_size": 16,
        "learning_rate": 2e-4,
        "save_rounds": rounds,
        "samples": 0,
        "seed": pairing["seed"],
    }


def _read(folder: Path, place: int) -> list[Rollout]:
    from penchant.online.rollouts import Rollout

    path = folder / "rounds" / f"{place + 1:05d}" / "rollouts.json"
    return [Rollout.from_json(each) for each in json.loads(path.read_text(encoding="utf-8"))]


def _throws(solver: Any, rollouts: Sequence[Rollout]) -> Throws:
    """What a round played, exactly, from what was said in it."""
    from penchant.objectives.functional.games.regret_matching import exploitability

    game = solver.latent_game(rollouts)
    if not game.cluster_of:
        raise ConfigurationError("Nothing that was said in a round is in the table.", where="words game")
    counts = Counter(response.text for rollout in rollouts for response in rollout.responses)
    shares, solved = mixture(counts), mixture(game.played(counts))
    found = [float(exploitability(payoffs(), each)) for each in (solved, shares)]
    return Throws(len(game.strategy), tuple(shares.tolist()), tuple(solved.tolist()), *found)
