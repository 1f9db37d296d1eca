"""Runs the cells of a study; a training that several cells share, or that is finished, is not run again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import DataError, OutputError
from penchant.evaluation.policies.held_out import Measure
from penchant.feedback.files import sound_rows
from penchant.locks import LOCK, working_in
from penchant.manifest import content_of, digest_of
from penchant.model_folders import trained_model
from penchant.training.api import train
from penchant.training.folder import RunFolder
from penchant.training.parameters.counting import weight_count
from penchant.training.planned_runs import finished
from penchant.training.run import Interrupted
from penchant.training.studies.cells import Cell, Step, cells
from penchant.training.studies.plans import AnyStudy, ScalingStudy
from penchant.writing import write_json, write_text

__all__ = ["Scored", "run_study"]

#: Scores of models by their keys.
SCORES = "scores.json"


@dataclass(frozen=True)
class Scored:
    """A cell and the score of its model; larger is better.

    Args:
        cell: the cell.
        score: of its model.
        parameters: numbers in the model's weights, in a study of sizes.
    """

    cell: Cell
    score: float
    parameters: int | None = None


@dataclass
class _Study:
    """What the cells of a study share."""

    study: AnyStudy
    output: Path
    said: Callable[[str], None]
    rows: dict[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    contents: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)

    def content(self, place: str) -> Any:
        """Hashes of a file or folder; of what is neither (a hub id), its name."""
        if place not in self.contents:
            self.contents[place] = content_of(Path(place)) or place
        return self.contents[place]

    def records(self, step: Step, seed: int) -> list[dict[str, Any]]:
        """The first records in the seed's order; more of them begin with the same ones.

        Raises:
            DataError: the file has fewer.
        """
        path = str(getattr(self.study, step.source))
        if step.source not in self.rows:
            self.rows[step.source] = list(sound_rows(Path(path)))
        rows = self.rows[step.source]
        if step.count > len(rows):
            raise DataError(
                f"A cell needs {step.count} {step.source}, and there are {len(rows)}.",
                where=path,
                fix="Give more data, or smaller budgets or sizes.",
            )
        order = list(range(len(rows)))
        random.Random(f"{step.source} {seed}").shuffle(order)
        return [rows[place] for place in order[: step.count]]


def run_study(study: AnyStudy, output: Path, said: Callable[[str], None] = lambda line: None) -> list[Scored]:
    """Train and score every cell.

    Each training has the folder ``runs/KEY`` of the output; the key is a hash of its recipe, its data, its seed and
    the model that it begins with. So cells with the same beginning share it, and a study that was stopped goes on.

    Args:
        study: with model and data.
        output: its folder.
        said: called with a line for each cell.

    Raises:
        PenchantError: a training failed, or the data are too few.
        Interrupted: a signal stopped it; what is finished is kept.
    """
    with _claimed(output):
        state = _Study(study, output, said)
        planned = cells(study)
        for cell in planned:  # too few data are an error before the first training
            for step in cell.steps:
                state.records(step, cell.seed)
        if (output / SCORES).is_file():
            state.scores = json.loads((output / SCORES).read_text(encoding="utf-8"))
        found = []
        for place, cell in enumerate(planned, 1):
            said(f"{place} of {len(planned)}: {cell.row}, {cell.column:g}, seed {cell.seed}")
            try:
                model, key = _trained(state, cell)
                count = weight_count(Path(model)) if isinstance(study, ScalingStudy) else None
                found.append(Scored(cell, _score(state, cell, model, key), count))
            except KeyboardInterrupt as stopped:
                raise Interrupted(
                    f"Stopped at cell {place} of {len(planned)}; to continue, run the same command (folder {output})."
                ) from stopped
        return found


@contextmanager
def _claimed(output: Path) -> Iterator[None]:
    if output.is_dir():
        left = {each.name for each in output.iterdir()} - {LOCK, SCORES, "runs", "data", "study.json", "study.html"}
        if left:
            raise OutputError(
                f"The output folder holds {sorted(left)[0]}, which is not of a study.",
                where=str(output),
                fix="Give an empty or new folder with --out.",
            )
    with working_in(output, fix="Choose another folder with output=FOLDER."):
        yield


def _trained(state: _Study, cell: Cell) -> tuple[str, str]:
    """The model at the end of a chain, and its key."""
    model = str(cell.model or state.study.model)
    key = digest_of({"model": state.content(trained_model(model))})
    for step in cell.steps:
        rows = state.records(step, cell.seed)
        key = digest_of({"start": key, "recipe": step.recipe, "rows": rows, "seed": cell.seed})
        folder = state.output / "runs" / key[:16]
        if not finished(RunFolder(folder)):
            _train(folder, model, rows, step.recipe, cell.seed)
        model = str(folder / "model")
    return model, key


def _train(folder: Path, model: str, rows: Sequence[Any], recipe: Mapping[str, Any], seed: int) -> None:
    keys: dict[str, Any] = {"samples": 0, **recipe, "seed": seed}
    train(model, list(rows), output=folder, resume="auto", **keys)
    # The recipe names data in memory; they stand beside it for a reader.
    write_text(folder / "data.jsonl", "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))


def _score(state: _Study, cell: Cell, model: str, key: str) -> float:
    study, held_out = state.study, str(cell.held_out or state.study.held_out)
    measure = (study.measure, study.judge, study.max_new_tokens, state.content(held_out))
    name = digest_of([key, measure])
    if name not in state.scores:
        made = Measure(study.measure, held_out, study.judge, max_new_tokens=study.max_new_tokens)
        state.scores[name] = made(Path(trained_model(model)))
        write_json(state.output / SCORES, state.scores, "The scores")
    return state.scores[name]
