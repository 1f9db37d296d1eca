"""The runs of a comparison: one per objective and seed, with their states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.modalities import find_modality
from penchant.training.folder import RunFolder
from penchant.training.following.live import PROGRESS
from penchant.training.preparation import build_objective, resolved
from penchant.training.recipe import Recipe, make_recipe

__all__ = ["PlannedRun", "finished", "plan_runs"]


@dataclass
class PlannedRun:
    """One objective with one seed.

    Args:
        name: id of the objective.
        recipe: of this run.
        resolved: the recipe as stored in the run's folder.
        state: ``waiting``, ``done``, ``failed`` or ``stopped``.
        reason: the error, if it failed.
    """

    name: str
    recipe: Recipe
    resolved: dict[str, Any]
    state: str = "waiting"
    reason: str = ""

    @property
    def title(self) -> str:
        """Objective and seed, for messages."""
        return f"{self.name}, seed {self.recipe.seed}"

    @property
    def folder(self) -> RunFolder:
        """The output folder of the run."""
        return RunFolder(self.recipe.output)

    @property
    def is_finished(self) -> bool:
        """Whether the run is complete."""
        return finished(self.folder)

    @property
    def is_begun(self) -> bool:
        """Whether the folder holds a run to resume."""
        return (self.folder.path / "recipe.yaml").is_file()

    def fail(self, reason: str) -> None:
        """Mark the run as failed with a reason."""
        self.state, self.reason = "failed", reason


def finished(folder: RunFolder) -> bool:
    """Whether a run is complete: the file of an unfinished run is removed last, after the summary and report."""
    if (folder.path / PROGRESS).exists():
        return False
    return folder.read_json("summary.json") is not None and (folder.path / "report.html").is_file()


def plan_runs(
    recipe: Recipe, names: Sequence[str], seeds: int, settings: Mapping[str, Mapping[str, Any]], output: Path
) -> list[PlannedRun]:
    """All runs, ordered by seed; every recipe is checked before the first run starts.

    Args:
        recipe: settings of all runs; objective, seed and output are set per run.
        names: the objectives.
        seeds: number of seeds, counted up from the recipe's.
        settings: hyper-parameters of each objective.
        output: the comparison's folder.

    Raises:
        ConfigurationError: an objective or one of its hyper-parameters is wrong.
    """
    shared = recipe.model_dump(exclude_none=True)
    if recipe.reference is None:
        shared["reference"] = find_modality(recipe.modality, recipe.model, None).shared_reference
    shared.setdefault("cache", str(output / "reference"))
    # Runs of all seeds have the same held-out records.
    shared.setdefault("eval_seed", recipe.seed)
    runs = []
    for seed in range(recipe.seed, recipe.seed + seeds):
        for name in names:
            own = recipe.objective if recipe.objective["name"] == name else {}
            objective = {**own, **settings[name], "name": name}
            place = output / name.replace("*", "x") / f"seed-{seed}"
            each = make_recipe({**shared, "objective": objective, "seed": seed, "output": str(place)}, "compare")
            runs.append(PlannedRun(name, each, resolved(each, build_objective(each))))
    return runs
