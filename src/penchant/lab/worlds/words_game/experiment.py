"""The experiment of the game in words: rounds of latent games, and how far what is played can be exploited."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError, nearest
from penchant.lab.experiment_files import keep_rows, keep_text
from penchant.lab.start_models import reads_teacher
from penchant.lab.worlds.words_game.world import ACTIONS, WordsWorld, mixture, payoffs, preferences, prompts

if TYPE_CHECKING:
    from penchant.online.rollouts import Rollout
    from penchant.training.run import Result

__all__ = ["METHODS", "Played", "Throws", "play", "teacher_model"]

#: The settings of each method in addition to its recipe and to what all have.
METHODS: dict[str, dict[str, Any]] = {
    "lspo": {"pairing": {"name": "by_cluster", "pairs": 8}},
    "on-policy-distillation": {},
}


@dataclass(frozen=True)
class Throws:
    """One round.

    Args:
        latent: number of latent actions; 0 for a method that solves no game.
        shares: of the five actions among what the policy said.
        solved: the probabilities of the five actions where the solved game is played with the policy's words;
            ``shares`` where no game is solved.
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
    method: str = "lspo",
    rounds: int = 4,
    clusters: int = 3,
    widening: int = 1,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    **keys: Any,
) -> Played:
    """Train the base model, with a table of who beats whom.

    Args:
        output: folder for the table, the prompts and the run, named after its method.
        method: one of `METHODS`.
        rounds: number of rounds; of ``lspo`` all but the first widen the latent space.
        clusters: latent actions of the first round.
        widening: further latent actions of each later round.
        seed: seed of sampling, clusters and training.
        resume: continue a stopped run.
        overwrite: replace what is there.
        progress: show the progress of the run on stderr.
        keys: further keys of the recipe.

    Raises:
        ConfigurationError: there is no such method, or no round left anything to solve.
        OutputError: ``output`` contains another experiment, or cannot be written.
    """
    from penchant.online.loop import run_online
    from penchant.online.pairing import build_pairing
    from penchant.online.recipe import make_online_recipe
    from penchant.training.preparation import Given
    from penchant.training.progress import ProgressReporter

    if method not in METHODS:
        raise ConfigurationError(f"The game in words has no method {method!r}. {nearest(method, METHODS)}")
    latent = {"clusters": clusters, "widening": widening, "seed": seed}
    recipe = make_online_recipe({**_recipe(output, method, rounds, latent, overwrite), **keys})
    result = run_online(recipe, Given(), resume=resume, overwrite=overwrite, reporter=ProgressReporter(not progress))
    solver = build_pairing(**recipe.pairing) if recipe.pairing["name"] == "by_cluster" else None
    return Played([_throws(solver, _read(result.folder, place)) for place in range(rounds)], result)


def teacher_model() -> Path:
    """The folder of a stronger model, the teacher, which throws all five alike: nobody gains against it."""
    return WordsWorld(shares=(0.2,) * len(ACTIONS)).base_model()


def _recipe(output: Path, method: str, rounds: int, latent: Mapping[str, int], overwrite: bool) -> dict[str, Any]:
    """Write the game's files; the keys of the run."""
    data = keep_rows(output / "throws.jsonl", prompts(), overwrite)
    table = keep_text(output / "table.json", json.dumps(preferences()) + "\n", overwrite)
    own = METHODS[method]
    return {
        "method": method,
        "model": str(WordsWorld().base_model()),
        "data": str(data),
        "eval_data": str(data),
        "output": str(output / method),
        "judge": {"name": "preference_table", "file": str(table)},
        "iterations": rounds,
        "prompts_per_iteration": len(prompts()),
        "samples_per_prompt": 64,
        "max_new_tokens": 6,
        "batch_size": 16,
        "learning_rate": 2e-4,
        "save_rounds": rounds,
        "samples": 0,
        "seed": latent["seed"],
        **({"pairing": own["pairing"] | latent} if "pairing" in own else {}),
        **({"teacher": str(teacher_model())} if reads_teacher(method) else {}),
    }


def _read(folder: Path, place: int) -> list[Rollout]:
    from penchant.online.rollouts import Rollout

    path = folder / "rounds" / f"{place + 1:05d}" / "rollouts.json"
    return [Rollout.from_json(each) for each in json.loads(path.read_text(encoding="utf-8"))]


def _throws(solver: Any, rollouts: Sequence[Rollout]) -> Throws:
    """What a round played, exactly, from what was said in it; ``solver`` is None where no game is solved."""
    from penchant.objectives.functional.games.regret_matching import exploitability

    counts = Counter(response.text for rollout in rollouts for response in rollout.responses)
    shares, latent = mixture(counts), 0
    solved = shares
    if solver is not None:
        game = solver.latent_game(rollouts)
        if not game.cluster_of:
            raise ConfigurationError("Nothing that was said in a round is in the table.", where="words game")
        solved, latent = mixture(game.played(counts)), len(game.strategy)
    found = [float(exploitability(payoffs(), each)) for each in (solved, shares)]
    return Throws(latent, tuple(shares.tolist()), tuple(solved.tolist()), *found)
