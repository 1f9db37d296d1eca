"""Comparison of several objectives, each trained with several seeds on the same data from the same model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from penchant.errors import ConfigurationError, DataError, ModelError, OutputError, PenchantError
from penchant.feedback.sources import as_paths
from penchant.locks import LOCK, working_in
from penchant.training.compared_results import comparison_results
from penchant.training.folder import RunFolder
from penchant.training.identity.ownership import MARKER, Marker, read_marker
from penchant.training.planned_runs import PlannedRun, plan_runs
from penchant.training.preparation import Given
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe, make_recipe
from penchant.training.recipe_keys import settings_by_objective
from penchant.training.recipe_keywords import RecipeKeywords
from penchant.training.run import Interrupted
from penchant.training.run import run as train_recipe

__all__ = ["Compared", "compare", "compare_objectives"]

RESULTS = "comparison.json"
# What the marker of its folder says.
KIND = "comparison"


@dataclass(frozen=True)
class Compared:
    """What a comparison returns.

    Args:
        folder: contains a run folder for each objective and seed.
        results: the contents of ``comparison.json``.
        page: the HTML page.
        picture: the PNG picture; None if no run produced a figure.
    """

    folder: Path
    results: dict[str, Any]
    page: Path
    picture: Path | None

    @property
    def all_failed(self) -> bool:
        """Whether no run is done."""
        return not any(run["state"] == "done" for each in self.results["objectives"] for run in each["runs"])


def compare(
    model: str | Path,
    data: Any,
    objectives: Sequence[str],
    output: str | Path = "runs/comparison",
    *,
    seeds: int = 3,
    settings: Mapping[str, Any] | None = None,
    eval_data: Any = None,
    reference: Any = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    **recipe: Unpack[RecipeKeywords],
) -> Compared:
    """Train each objective with each seed on the same data, and compare them.

    Args:
        model: a folder or hub id; every run starts from it.
        data: a file, folder, hub id, ``datasets.Dataset``, or records as dictionaries.
        objectives: ids or sums, such as ``["dpo", "ipo", "dpo+0.2*nll"]``.
        output: the comparison's folder.
        seeds: number of seeds, counted up from the recipe's.
        settings: hyper-parameters as ``{"ipo.beta": 0.3}``.
        eval_data: held-out data, in any form that ``data`` may have.
        reference: as for `penchant.train`; the same for every run.
        resume: continue the comparison in ``output``; finished runs are kept.
        overwrite: replace the comparison in ``output``.
        progress: show progress on the error stream.
        recipe: further keys of a `penchant.training.Recipe`.

    Returns:
        Folder, results, page and picture.

    Raises:
        PenchantError: a mistake found before the first run; errors within a run are reported in the results.
        Interrupted: a signal stopped the comparison; finished runs are kept.
    """
    given, values = Given(), {**recipe, "model": str(model)}
    for key, value in {"data": data, "eval_data": eval_data}.items():
        named_by = as_paths(value)
        if named_by is not None:
            values[key] = named_by
        elif value is not None:
            setattr(given, key, value if isinstance(value, Mapping) else list(value))
            values[key] = f"in memory ({type(value).__name__})"
    if reference is not None:
        values["reference"] = given.reference_value(reference)
    shared = make_recipe(values, "penchant.compare")
    choices: dict[str, Any] = {"seeds": seeds, "settings": settings, "resume": resume, "overwrite": overwrite}
    return compare_objectives(
        shared, objectives, output, given=given, reporter=ProgressReporter(not progress), **choices
    )


def compare_objectives(
    recipe: Recipe,
    objectives: Sequence[str],
    output: str | Path,
    *,
    seeds: int = 3,
    settings: Mapping[str, Any] | None = None,
    given: Given | None = None,
    resume: bool = False,
    overwrite: bool = False,
    reporter: ProgressReporter | None = None,
) -> Compared:
    """Compare objectives from a recipe; hyper-parameters in the recipe apply to the objective of that name.

    Args:
        recipe: settings of all runs; objective, seed and output are set per run.
        given: data in memory.
        reporter: shows progress.
        objectives, output, seeds, settings, resume, overwrite: as for `compare`.

    Raises:
        PenchantError: as `compare`.
        Interrupted: as `compare`.
    """
    names = list(dict.fromkeys(name.replace(" ", "") for name in objectives))
    if not names or seeds < 1:
        raise ConfigurationError(
            f"The comparison has {len(names)} objectives and {seeds} seeds.", fix="Give at least one of each."
        )
    runs = plan_runs(recipe, names, seeds, settings_by_objective(settings or {}, names), Path(output))
    first = int(os.environ.get("RANK", "0")) == 0
    with _claimed(Path(output), resume, overwrite) if first else nullcontext():
        session = _Comparison(recipe, runs, Path(output), given or Given(), reporter or ProgressReporter(), first)
        return session.run(resume, overwrite)


@contextmanager
def _claimed(output: Path, resume: bool, overwrite: bool) -> Iterator[None]:
    """Mark and lock the folder of the comparison while it runs."""
    _check(output, resume, overwrite)
    with working_in(output):
        _check(output, resume, overwrite)
        if read_marker(output) is None:
            Marker.new(KIND).write(output)
        yield


def _check(output: Path, resume: bool, overwrite: bool) -> None:
    """Refuse a folder with other files, or with a comparison that is neither resumed nor replaced."""
    if resume and overwrite:
        raise OutputError("--resume and --overwrite were both given.", where=str(output), fix="Choose one.")
    if not output.is_dir() or not any(each.name != LOCK for each in output.iterdir()):
        return
    marker = read_marker(output)
    ours = marker is not None and marker.kind == KIND
    if not ours and (marker is not None or not _is_comparison(output / RESULTS)):
        raise OutputError(
            "The output folder already holds files that are not a comparison.",
            where=str(output),
            fix="Give an empty or new folder with --output.",
        )
    begun = not ours or (output / RESULTS).is_file()
    if begun and not resume and not overwrite:
        raise OutputError(
            "The output folder already holds a comparison.",
            where=str(output),
            fix="Give --resume to continue it, --overwrite to replace it, or another folder with --output.",
        )
    if overwrite and not ours:
        raise OutputError(
            f"The folder holds a comparison without {MARKER}, by which --overwrite knows what is ours: one of an "
            "earlier version, or a copy.",
            where=str(output),
            fix="Delete the folder yourself, or give another one with --output.",
        )


def _is_comparison(results: Path) -> bool:
    """Whether a file holds the results of a comparison, as earlier versions wrote them without a marker."""
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
        return bool(found["objectives"]) and all("runs" in each for each in found["objectives"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


class _Comparison:
    """The runs of a comparison, one after another."""

    def __init__(
        self,
        recipe: Recipe,
        runs: list[PlannedRun],
        output: Path,
        given: Given,
        reporter: ProgressReporter,
        first: bool,
    ) -> None:
        self.recipe, self.runs, self.output = recipe, runs, output
        self.given, self.reporter, self.first = given, reporter, first

    def run(self, resume: bool, overwrite: bool) -> Compared:
        for run in self.runs if resume else ():
            run.folder.check_same(run.resolved)  # first of all: runs of two recipes cannot be compared
            run.state = "done" if run.is_finished else "waiting"
        self._write()
        for place, run in enumerate(self.runs, 1):
            title = f"{run.title} ({place} of {len(self.runs)})"
            if run.state != "waiting":
                self.reporter.say(f"{title}: {'already done' if run.state == 'done' else 'skipped'}")
                continue
            self.reporter.say(title)
            try:
                self._train(run, resume, overwrite)
            except KeyboardInterrupt as stopped:
                run.state = "stopped"
                self._finish()
                raise Interrupted(self._how_to_resume(run)) from stopped
            self._write()
        return self._finish()

    def _train(self, run: PlannedRun, resume: bool, overwrite: bool) -> None:
        begun = resume and run.is_begun
        try:
            train_recipe(run.recipe, self.given, resume=begun, overwrite=overwrite, reporter=self.reporter)
            run.state = "done"
        except PenchantError as error:
            self._fail(run, str(error))
            # A wrong setting, or data that the objective cannot use, fails with every seed.
            if isinstance(error, ConfigurationError | DataError | ModelError):
                for other in self.runs:
                    if other.name == run.name and other.state == "waiting":
                        other.fail(run.reason)
        except Exception as error:  # an error in one objective must not stop the others
            self._fail(run, f"{type(error).__name__}: {error}")

    def _fail(self, run: PlannedRun, reason: str) -> None:
        run.fail(reason)
        self.reporter.warn(f"{run.title} failed: {reason}")

    def _how_to_resume(self, run: PlannedRun) -> str:
        done = sum(each.state == "done" for each in self.runs)
        return (
            f"Stopped in {run.title}; {done} of {len(self.runs)} runs are finished and kept. To continue, run the same "
            f"command with --resume (folder {self.output})."
        )

    def _write(self) -> dict[str, Any]:
        results = comparison_results(self.recipe, self.runs, self.output)
        if self.first:
            self.output.mkdir(parents=True, exist_ok=True)
            RunFolder(self.output).write_json(RESULTS, results)
        return results

    def _finish(self) -> Compared:
        """Write results, page and picture."""
        results = self._write()
        page, picture = self.output / "comparison.html", None
        if self.first:
            from penchant.evaluation.report import (
                write_objectives,
            )  # imported late: matplotlib needs memory that training can use

            page, picture = write_objectives(self.output, results)
        return Compared(self.output, results, page, picture)
