"""The sums experiment: train on partly wrong demonstrations, then improve online with a verifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError, nearest
from penchant.lab.experiment_files import accuracy_rows, keep_rows
from penchant.lab.start_models import train_small
from penchant.lab.worlds.sums.recipes import METHODS, RECORDS, REVISING, TAUGHT
from penchant.lab.worlds.sums.records import COMPLAINT, further_records, revisions
from penchant.lab.worlds.sums.world import build_tokenizer, careless_demonstrations, problems

if TYPE_CHECKING:
    from penchant.training.run import Result

__all__ = ["METHODS", "Outcome", "Plan", "outcome_of", "run_sums", "train_start", "train_teacher"]


@dataclass(frozen=True)
class Plan:
    """Sizes of the experiment; the defaults take two to three minutes on two cores.

    Args:
        largest: largest term of a sum.
        held_out: number of held-out sums.
        wrong: share of wrong answers in the demonstrations.
        copies, start_epochs, start_batch, start_rate: demonstrations per sum, and training settings of the start model.
        rounds, rate: rounds and learning rate of the online run; those of the method if None.
        settings: further keys of the online run's recipe, in place of the method's.
    """

    largest: int = 19
    held_out: int = 120
    wrong: float = 0.65
    copies: int = 20
    start_epochs: float = 6
    start_batch: int = 64
    start_rate: float = 3e-3
    rounds: int | None = None
    rate: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The results of the experiment: accuracy on held-out sums before and after with 95 % intervals, and the runs."""

    method: str
    before: float
    after: float
    before_interval: tuple[float, float]
    after_interval: tuple[float, float]
    curve: list[tuple[int, float, float, float]]
    result: Result


def run_sums(
    output: Path,
    *,
    method: str = "grpo",
    seed: int = 0,
    plan: Plan | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Train the start model, then improve it online.

    Args:
        output: folder for the data (``sums.jsonl``), the run ``start/``, and the online run, named after its method.
        method: one of `METHODS`.
        seed: seed of all random draws.
        plan: sizes; the defaults if None.
        resume: resume an interrupted online run; an existing start model is reused.
        overwrite: replace the contents of ``output``.
        progress: show the progress of the runs on stderr.
        say: called with a line of text at each step.

    Raises:
        ConfigurationError: there is no such method.
        OutputError: ``output`` contains another experiment, or cannot be written.
    """
    from penchant.online.loop import run_online
    from penchant.online.recipe import make_online_recipe
    from penchant.training.preparation import Given
    from penchant.training.progress import ProgressReporter

    if method not in METHODS:
        raise ConfigurationError(f"The sums world has no method {method!r}. {nearest(method, METHODS)}")
    plan = plan or Plan()
    revising = method in REVISING
    start = output / ("start-revising" if revising else "start") / "model"
    if overwrite or not (start / "config.json").is_file():
        say(f"Train a small model on sums with partly wrong answers{' and second thoughts' if revising else ''}")
        train_start(output, plan, seed=seed, overwrite=overwrite, progress=progress, revising=revising)
    teacher = output / "teacher" / "model"
    taught = method in TAUGHT or RECORDS.get(method) == "taught"
    if taught and (overwrite or not (teacher / "config.json").is_file()):
        say("Train a stronger model on right answers")
        train_teacher(output, plan, seed=seed, overwrite=overwrite, progress=progress)
    recipe = make_online_recipe(
        _keys(output, start, method, plan, seed)
        | _records(output, teacher if taught else start, method, plan, seed, overwrite)
        | ({"teacher": str(teacher)} if method in TAUGHT else {})
    )
    say(f"Improve it online with a verifier: {method}, {recipe.iterations} rounds")
    result = run_online(recipe, Given(), resume=resume, overwrite=overwrite, reporter=ProgressReporter(not progress))
    return outcome_of(method, result)


def _keys(output: Path, start: Path, method: str, plan: Plan, seed: int) -> dict[str, Any]:
    """The online run's recipe."""
    chosen = {"iterations": plan.rounds, "learning_rate": plan.rate}
    return {
        "method": method,
        "model": str(start),
        "data": str(output / "sums.jsonl"),
        "output": str(output / method),
        "split": "train",
        "eval_split": "test",
        "eval_samples": 4,
        "max_new_tokens": 4,
        "engine": {"name": "transformers", "batch_size": 2048},
        "samples": 12,
        "seed": seed,
        **METHODS[method],
        **plan.settings,
        **{key: value for key, value in chosen.items() if value},
    }


def _records(output: Path, model: Path, method: str, plan: Plan, seed: int, overwrite: bool) -> dict[str, Any]:
    """The data of a method that learns from more than prompts."""
    kind = RECORDS.get(method)
    if kind is None:
        return {}
    place = output / f"sums-{kind}.jsonl"
    if overwrite or not place.is_file():
        keep_rows(place, further_records(kind, _rows(plan, seed), model, seed), overwrite)
    return {"data": str(place)}


def _rows(plan: Plan, seed: int) -> list[dict[str, Any]]:
    """The sums, some of them held out."""
    rows = problems(largest=plan.largest, seed=seed)
    return [row | {"split": "test" if place < plan.held_out else "train"} for place, row in enumerate(rows)]


def train_start(
    output: Path, plan: Plan, *, seed: int, overwrite: bool, progress: bool = False, revising: bool = False
) -> Result:
    """Write ``sums.jsonl`` and train the start model on partly wrong demonstrations of the training sums.

    Args:
        output: folder of the experiment.
        plan: sizes.
        seed: of sums, errors and model.
        overwrite: replace what is there.
        progress: show the progress on stderr.
        revising: train on second thoughts too, which are wrong half as often; the model is ``start-revising``.
    """
    rows = _rows(plan, seed)
    keep_rows(output / "sums.jsonl", rows, overwrite)
    kept = [row for row in rows if row["split"] == "train"]
    shown = careless_demonstrations(kept, wrong=plan.wrong, copies=plan.copies, seed=seed)
    if not revising:
        return _train(output / "start", shown, build_tokenizer(), plan, seed, overwrite, progress)
    instruction = METHODS["drift"]["asking"]["instruction"]
    shown += revisions(kept * plan.copies, instruction, wrong=plan.wrong / 2, seed=seed)
    tokenizer = build_tokenizer(f"\n{COMPLAINT}{instruction}", pattern="[\\s\\S]")
    return _train(output / "start-revising", shown, tokenizer, plan, seed, overwrite, progress)


def train_teacher(output: Path, plan: Plan, *, seed: int, overwrite: bool, progress: bool = False) -> Result:
    """Train the stronger model, ``teacher``, on right answers to the training sums, twice as long as the start model.

    Args:
        output: folder of the experiment.
        plan: sizes.
        seed: of sums and model.
        overwrite: replace what is there.
        progress: show the progress on stderr.
    """
    kept = [row for row in _rows(plan, seed) if row["split"] == "train"]
    shown = careless_demonstrations(kept, wrong=0.0, copies=2 * plan.copies, seed=seed)
    return _train(output / "teacher", shown, build_tokenizer(), plan, seed, overwrite, progress)


def _train(
    output: Path, shown: list[dict[str, Any]], tokenizer: Any, plan: Plan, seed: int, overwrite: bool, progress: bool
) -> Result:
    sizes: dict[str, Any] = {
        "batch_size": plan.start_batch,
        "epochs": plan.start_epochs,
        "learning_rate": plan.start_rate,
    }
    return train_small(tokenizer, shown, output, seed=seed, overwrite=overwrite, progress=progress, **sizes)


def outcome_of(method: str, result: Result) -> Outcome:
    """What a finished run says of accuracy.

    Args:
        method: of the run.
        result: of the run.
    """
    rows = accuracy_rows(result)
    curve = [(row["step"], row["accuracy"], row["accuracy/low"], row["accuracy/high"]) for row in rows]
    first, last = curve[0], curve[-1]
    return Outcome(method, first[1], last[1], (first[2], first[3]), (last[2], last[3]), curve, result)
