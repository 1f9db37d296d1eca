"""The agents experiment: two agents that talk too much learn online to exchange what they know in few words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError, nearest
from penchant.lab.checkpoints import keep
from penchant.lab.experiment_files import accuracy_rows, keep_rows
from penchant.lab.start_models import reads_teacher
from penchant.lab.worlds.agents.world import LABELS, STOP_WORD, AgentsWorld, build_words, demonstrations
from penchant.lab.worlds.language.model import tiny_model

if TYPE_CHECKING:
    from penchant.training.progress import ProgressReporter
    from penchant.training.run import Result

__all__ = ["METHODS", "Outcome", "Plan", "run_agents", "start_model", "teacher_model"]

_MADE_BY = (
    "penchant.lab.worlds.agents.world",
    "penchant.lab.worlds.language.model",
    "penchant.lab.worlds.language.tokenizer",
)


@dataclass(frozen=True)
class Plan:
    """Sizes of the experiment; the defaults take about a minute on one core.

    Args:
        largest, held_out: of the world.
        copies, epochs, batch, rate, width: conversations about each task, and training settings of the start model.
        rounds: of the online run; those of the method if None.
        changes: further keys of the online run.
    """

    largest: int = 9
    held_out: int = 30
    copies: int = 14
    epochs: float = 4
    batch: int = 32
    rate: float = 3e-3
    width: int = 96
    rounds: int | None = None
    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def world(self) -> AgentsWorld:
        """The world."""
        return AgentsWorld(self.largest, self.held_out)


_TALK = {"labels": list(LABELS), "stop_words": [STOP_WORD], "turns": 8}
# A model of this size knows its long turns by heart, so readability weighs little.
_WORTH = {"token_weight": 0.6, "loss_weight": 0.01}
_TREE = {"name": "conversation-tree", **_TALK, **_WORTH, "explore": 4}
#: The settings of each method in addition to its recipe: a small model needs larger steps and short rounds.
METHODS: dict[str, dict[str, Any]] = {
    "optima-isft": {
        "sampler": {"name": "conversation", **_TALK, **_WORTH},
        "iterations": 4,
        "batch_size": 16,
        "learning_rate": 3e-4,
    },
    "optima-idpo": {"sampler": _TREE, "iterations": 4, "batch_size": 16, "learning_rate": 1e-4},
    "optima": {
        "sampler": {"name": "conversation", **_TALK, **_WORTH},
        "alternate": [
            {
                "objective": {"name": "dpo", "beta": 0.2},
                "sampler": _TREE,
                "pairing": {"name": "turn_pairs"},
                "samples_per_prompt": 3,
                "learning_rate": 1e-4,
            }
        ],
        "iterations": 4,
        "batch_size": 16,
        "learning_rate": 3e-4,
    },
    "oprl": {
        "sampler": {"name": "conversation", **_TALK, "token_weight": 0.6},
        "process_reward": {"name": "implicit", "learning_rate": 3e-4},
        "iterations": 10,
        "learning_rate": 3e-4,
    },
    "on-policy-distillation": {
        "sampler": {"name": "conversation", **_TALK},
        "pairing": {"name": "every_turn"},
        "samples_per_prompt": 4,
        "iterations": 4,
        "batch_size": 16,
        "learning_rate": 3e-4,
    },
}


@dataclass(frozen=True)
class Outcome:
    """The results of the experiment: accuracy and tokens a conversation on held-out tasks, before, between and after.

    Args:
        method: the recipe.
        curve: for each measurement the steps, the accuracy with its 95 % interval, and the mean tokens.
        result: of the online run.
    """

    method: str
    curve: list[tuple[int, float, float, float, float]]
    result: Result


def start_model(plan: Plan, seed: int, *, folder: Path | None = None) -> Path:
    """The folder of the start model, which answers but wastes tokens; trained on the first call on this machine.

    Args:
        plan: its sizes.
        seed: of tasks, conversations and weights.
        folder: of the cache; default as in `penchant.lab.checkpoints.keep`.
    """
    return _kept("agents-start", plan, seed, folder, brief=False)


def teacher_model(plan: Plan, seed: int, *, folder: Path | None = None) -> Path:
    """The folder of a stronger model, the teacher, which says what its partner needs and nothing else.

    It has read the conversations of the start model, with brief replies in place of what is said there.

    Args:
        plan: its sizes.
        seed: of tasks, conversations and weights.
        folder: of the cache; default as in `penchant.lab.checkpoints.keep`.
    """
    return _kept("agents-teacher", plan, seed, folder, brief=True)


def _kept(name: str, plan: Plan, seed: int, folder: Path | None, *, brief: bool) -> Path:
    settings = {key: each for key, each in asdict(plan).items() if key not in ("rounds", "changes")}

    def train_it(place: Path) -> None:
        from penchant.training.api import train

        shown = demonstrations(_part(plan, seed, "train"), copies=plan.copies, seed=seed, brief=brief)
        tokenizer = build_words(plan.largest)
        train(
            tiny_model(tokenizer, seed=seed, hidden=plan.width),
            shown,
            "nll",
            place / "run",
            tokenizer=tokenizer,
            progress=False,
            batch_size=plan.batch,
            epochs=plan.epochs,
            learning_rate=plan.rate,
            accumulate=1,
            warmup=0.05,
            group_by_length=True,
            samples=0,
            seed=seed,
        )

    return keep(name, settings | {"seed": seed}, _MADE_BY, train_it, folder=folder) / "run" / "model"


def _part(plan: Plan, seed: int, split: str) -> list[dict[str, Any]]:
    return [row for row in plan.world.rows(seed) if row["split"] == split]


def run_agents(
    output: Path,
    method: str = "optima",
    seed: int = 0,
    plan: Plan | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    reporter: ProgressReporter | None = None,
) -> Outcome:
    """Take the start model from the cache, or train it, and improve it online.

    Args:
        output: folder for the tasks (``agents.jsonl``), and for the online run (named after its method).
        method: one of `METHODS`.
        seed: of tasks, start model and rounds.
        plan: sizes; the defaults if None.
        resume: continue a run that was stopped.
        overwrite: replace what ``output`` holds.
        reporter: shows progress; none by default.

    Raises:
        ConfigurationError: there is no such method.
        OutputError: ``output`` holds another experiment, or cannot be written.
    """
    from penchant.online.loop import run_online
    from penchant.online.recipe import make_online_recipe
    from penchant.training.progress import ProgressReporter

    if method not in METHODS:
        raise ConfigurationError(f"The agents world has no method {method!r}. {nearest(method, METHODS)}")
    plan, shown = plan or Plan(), reporter or ProgressReporter(quiet=True)
    keep_rows(output / "agents.jsonl", plan.world.rows(seed), overwrite)
    shown.say("Take a small model that has learned to talk, and talks too much")
    keys = _keys(output, start_model(plan, seed), method, plan, seed)
    if reads_teacher(method):
        shown.say("Take a stronger model, which says what its partner needs and nothing else")
        keys["teacher"] = str(teacher_model(plan, seed))
    recipe = make_online_recipe(keys)
    shown.say(f"Let two of it talk, and improve them online: {method}, {recipe.iterations} rounds")
    return _outcome(method, run_online(recipe, resume=resume, overwrite=overwrite, reporter=shown))


def _keys(output: Path, start: Path, method: str, plan: Plan, seed: int) -> dict[str, Any]:
    """The online run's recipe."""
    return {
        "method": method,
        "model": str(start),
        "data": str(output / "agents.jsonl"),
        "output": str(output / method),
        "split": "train",
        "eval_split": "test",
        "eval_samples": 4,
        "eval_temperature": 0.7,
        "eval_every": 1,
        "judge": {"name": "verifier", "rule": "exact"},
        "max_new_tokens": 24,
        "engine": {"name": "transformers", "batch_size": 1024},
        "samples": 6,
        "seed": seed,
        **METHODS[method],
        **({"iterations": plan.rounds} if plan.rounds else {}),
        **dict(plan.changes),
    }


def _outcome(method: str, result: Result) -> Outcome:
    names = ("step", "accuracy", "accuracy/low", "accuracy/high", "responses/length")
    return Outcome(method, [tuple(row[name] for name in names) for row in accuracy_rows(result)], result)
