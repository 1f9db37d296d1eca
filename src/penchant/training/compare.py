"""Several objectives, each with several seeds, trained on the same data from the same model, and put side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from penchant.errors import ConfigurationError, DataError, ModelError, OutputError, PenchantError, nearest
from penchant.evaluation.seeds import figures_of_run, over_seeds
from penchant.feedback.sources import as_paths
from penchant.modalities import find_modality
from penchant.training.folder import RunFolder
from penchant.training.preparation import Given, build_objective, resolved
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe, data_values, make_recipe
from penchant.training.run import Interrupted
from penchant.training.run import run as train_recipe

__all__ = ["Compared", "compare", "compare_objectives"]

RESULTS = "comparison.json"


@dataclass(frozen=True)
class Compared:
    """What a comparison gives back.

    Args:
        folder: with a run's folder for each objective and seed.
        results: the contents of ``comparison.json``.
        page: the HTML page.
        picture: the PNG picture; None where no run got as far as a figure.
    """

    folder: Path
    results: dict[str, Any]
    page: Path
    picture: Path | None

    @property
    def all_failed(self) -> bool:
        """Whether not one run is done."""
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
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    **recipe: Any,
) -> Compared:
    """Train each objective with each seed on the same data, and compare them.

    Args:
        model: a folder or hub id; every run starts from it.
        data: a file, folder, hub id, ``datasets.Dataset``, or records as dictionaries.
        objectives: ids or sums, such as ``["dpo", "ipo", "dpo+0.2*nll"]``.
        output: the comparison's folder.
        seeds: how many, counted from the recipe's.
        settings: hyper-parameters as ``{"ipo.beta": 0.3}``.
        eval_data: held-out data, in any form that ``data`` may have.
        resume: go on with the comparison in ``output``; what is done is not done again.
        overwrite: replace the comparison in ``output``.
        progress: tell on the error stream what happens.
        recipe: further keys of a `penchant.training.Recipe`.

    Returns:
        Folder, results, page and picture.

    Raises:
        PenchantError: anything that is wrong before the first run; what fails in a run stands in the results.
        Interrupted: a person stopped it; what is done is kept.
    """
    given, values = Given(), {**recipe, "model": str(model)}
    for key, value in {"data": data, "eval_data": eval_data}.items():
        named_by = as_paths(value)
        if named_by is not None:
            values[key] = named_by
        elif value is not None:
            setattr(given, key, value if isinstance(value, Mapping) else list(value))
            values[key] = f"in memory ({type(value).__name__})"
    return compare_objectives(
        make_recipe(values, "penchant.compare"),
        objectives,
        output,
        seeds=seeds,
        settings=settings or {},
        given=given,
        resume=resume,
        overwrite=overwrite,
        reporter=ProgressReporter(not progress),
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
    """The same from a recipe, whose objective's hyper-parameters hold for the objective of that name.

    Args:
        recipe: what all runs share; objective, seed and output are set for each.
        objectives: ids or sums.
        output: the comparison's folder.
        seeds: how many.
        settings: hyper-parameters by ``objective.name``.
        given: data in memory.
        resume: go on.
        overwrite: replace.
        reporter: tells a person what happens.

    Raises:
        PenchantError: as `compare`.
        Interrupted: as `compare`.
    """
    names = list(dict.fromkeys(name.replace(" ", "") for name in objectives))
    if not names or seeds < 1:
        raise ConfigurationError(
            f"There are {len(names)} objectives and {seeds} seeds to compare.", fix="Give at least one of each."
        )
    runs = _planned(recipe, names, seeds, _by_objective(settings or {}, names), Path(output))
    _claim(Path(output), resume, overwrite)
    session = _Comparison(recipe, runs, Path(output), given or Given(), reporter or ProgressReporter())
    return session.run(resume, overwrite)


@dataclass
class _Run:
    """One objective with one seed, and how far it is."""

    name: str
    recipe: Recipe
    resolved: dict[str, Any]
    state: str = "waiting"
    reason: str = ""

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.recipe.output)

    @property
    def is_finished(self) -> bool:
        """Whether all of it is written; the report comes last."""
        return self.folder.read_json("summary.json") is not None and (self.folder.path / "report.html").is_file()


def _by_objective(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Hyper-parameters of each objective; ``dpo+nll.dpo.beta`` is ``dpo.beta`` of the sum ``dpo+nll``."""
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in settings.items():
        owner = max((name for name in names if key.startswith(f"{name}.")), key=len, default=None)
        if owner is None:
            hint = nearest(key.partition(".")[0], names)
            raise ConfigurationError(
                f"{key!r} sets nothing of an objective that is compared. {hint}",
                where="--set",
                fix=f"Write OBJECTIVE.NAME=VALUE, for example {names[0]}.beta=0.1.",
            )
        found[owner][key.removeprefix(f"{owner}.")] = value
    return found


def _planned(
    recipe: Recipe, names: Sequence[str], seeds: int, settings: Mapping[str, Mapping[str, Any]], output: Path
) -> list[_Run]:
    """Every run, the first seed of all objectives first; a wrong objective is told before any work."""
    shared = recipe.model_dump(exclude_none=True)
    if recipe.reference is None:
        shared["reference"] = find_modality(recipe.modality, recipe.model, None).shared_reference
    shared.setdefault("cache", str(output / "reference"))
    # The held-out share is one and the same, whatever the seed.
    shared.setdefault("eval_seed", recipe.seed)
    runs = []
    for seed in range(recipe.seed, recipe.seed + seeds):
        for name in names:
            own = recipe.objective if recipe.objective["name"] == name else {}
            objective = {**own, **settings[name], "name": name}
            place = output / name.replace("*", "x") / f"seed-{seed}"
            each = make_recipe({**shared, "objective": objective, "seed": seed, "output": str(place)}, "compare")
            runs.append(_Run(name, each, resolved(each, build_objective(each))))
    return runs


def _claim(output: Path, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that holds something else, or a comparison that nothing was said about."""
    if resume and overwrite:
        raise OutputError("--resume and --overwrite were both given.", where=str(output), fix="Choose one.")
    if not output.is_dir() or not any(output.iterdir()):
        return
    if not (output / RESULTS).is_file():
        raise OutputError(
            "The output folder already holds files that are not a comparison.",
            where=str(output),
            fix="Give an empty or new folder with --output.",
        )
    if not resume and not overwrite:
        raise OutputError(
            "The output folder already holds a comparison.",
            where=str(output),
            fix="Give --resume to go on with it, --overwrite to replace it, or another folder with --output.",
        )


class _Comparison:
    """The runs of a comparison, one after another."""

    def __init__(
        self, recipe: Recipe, runs: list[_Run], output: Path, given: Given, reporter: ProgressReporter
    ) -> None:
        self.recipe, self.runs, self.output = recipe, runs, output
        self.given, self.reporter = given, reporter
        self.first = int(os.environ.get("RANK", "0")) == 0

    def run(self, resume: bool, overwrite: bool) -> Compared:
        for run in self.runs if resume else ():
            run.folder.check_same(run.resolved)  # before any work: a comparison of two recipes is none
            run.state = "done" if run.is_finished else "waiting"
        self._write()
        for place, run in enumerate(self.runs, 1):
            told = f"{run.name}, seed {run.recipe.seed} ({place} of {len(self.runs)})"
            if run.state != "waiting":
                self.reporter.say(f"{told}: {'done before' if run.state == 'done' else 'left out'}")
                continue
            self.reporter.say(told)
            try:
                self._train(run, resume, overwrite)
            except KeyboardInterrupt as stopped:
                run.state = "stopped"
                self._written()
                raise Interrupted(self._told_to_resume(run)) from stopped
            self._write()
        return self._written()

    def _train(self, run: _Run, resume: bool, overwrite: bool) -> None:
        begun = resume and (run.folder.path / "recipe.yaml").is_file()
        try:
            train_recipe(run.recipe, replace(self.given), resume=begun, overwrite=overwrite, reporter=self.reporter)
            run.state = "done"
        except PenchantError as error:
            self._fail(run, str(error))
            # A wrong setting, or data that the objective cannot use, will not be better under another seed.
            if isinstance(error, ConfigurationError | DataError | ModelError):
                for other in self.runs:
                    if other.name == run.name and other.state == "waiting":
                        other.state, other.reason = "failed", run.reason
        except Exception as error:  # whatever one objective stumbles over must not cost the others
            self._fail(run, f"{type(error).__name__}: {error}")

    def _fail(self, run: _Run, reason: str) -> None:
        run.state, run.reason = "failed", reason
        self.reporter.warn(f"{run.name}, seed {run.recipe.seed} failed: {reason}")

    def _told_to_resume(self, run: _Run) -> str:
        done = sum(each.state == "done" for each in self.runs)
        return (
            f"Stopped in {run.name}, seed {run.recipe.seed}; {done} of {len(self.runs)} runs are done and kept. Go on "
            f"with the same command and --resume (folder {self.output})."
        )

    def _results(self) -> dict[str, Any]:
        """What ``comparison.json`` holds."""
        objectives, starts = [], []
        summaries: dict[str, Any] = {}
        for name in dict.fromkeys(run.name for run in self.runs):
            rows, figures = [], []
            mine = [run for run in self.runs if run.name == name]
            for run in mine:
                row = {
                    "seed": run.recipe.seed,
                    "state": run.state,
                    "folder": run.folder.path.relative_to(self.output).as_posix(),
                }
                if run.state == "failed":
                    row["reason"] = run.reason
                if run.state == "done":
                    summaries = run.folder.read_json("summary.json") or {}
                    starts.append(figures_of_run(summaries, "before"))
                    figures.append(figures_of_run(summaries))
                    row |= {
                        key: summaries[key] for key in ("reference_found", "reference_computed") if key in summaries
                    }
                    row["figures"] = figures[-1]
                rows.append(row)
            settings = {key: value for key, value in mine[0].resolved["objective"].items() if key != "name"}
            objectives.append({"name": name, "settings": settings, "figures": over_seeds(figures), "runs": rows})
        return {
            "title": f"{len(objectives)} objectives on {summaries.get('data', self.recipe.data)}",
            "model": self.recipe.model,
            "data": data_values(self.recipe.data),
            "measured_on": summaries.get("measured_on", "nothing yet"),
            "seeds": sorted({run.recipe.seed for run in self.runs}),
            "interval": "mean and 95 % t-interval over seeds",
            "before": _common(starts),
            "objectives": objectives,
        }

    def _write(self) -> dict[str, Any]:
        results = self._results()
        if self.first:
            self.output.mkdir(parents=True, exist_ok=True)
            RunFolder(self.output).write_json(RESULTS, results)
        return results

    def _written(self) -> Compared:
        """Write everything that a person looks at."""
        results = self._write()
        page, picture = self.output / "comparison.html", None
        if self.first:
            from penchant.evaluation.report import write_objectives  # matplotlib costs memory that training can use

            page, picture = write_objectives(self.output, results)
        return Compared(self.output, results, page, picture)


def _common(starts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The figures before training; rewards only where all objectives mean the same by them."""
    found = {}
    for key in dict.fromkeys(key for start in starts for key in start):
        values = [start[key] for start in starts if key in start]
        if not key.startswith("rewards/") or max(values) - min(values) < 1e-4:
            found[key] = fmean(values)
    return found
