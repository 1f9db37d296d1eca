"""Reading of run folders, including incomplete ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from penchant.documents import json_document, yaml_document
from penchant.errors import ConfigurationError, DataError

__all__ = ["FILES", "Curve", "RunFolder", "read_run"]

FILES = ("recipe.yaml", "metrics.jsonl", "summary.json", "rewards.json", "samples.json", "doctor.json")
_PLACE_KEYS = {"step", "split", "epoch", "seconds"}


@dataclass(frozen=True)
class Curve:
    """One metric over the steps of a run; non-finite values are NaN."""

    steps: np.ndarray
    values: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """Whether each value is a finite number, bool [n]."""
        return np.isfinite(self.values)


@dataclass(frozen=True)
class RunFolder:
    """The contents of all files of a run; a missing file is an empty value.

    ``progress`` says how far an unfinished run is; its ``summary`` holds what is known so far. ``notes`` describes what
    could not be read and was left out.
    """

    path: Path
    recipe_text: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Curve] = field(default_factory=dict)
    held_out: dict[str, Curve] = field(default_factory=dict)
    last_seconds: float | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    rewards: dict[str, Any] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    doctor: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.resolve().name

    @property
    def objective(self) -> str:
        """The objective's name without settings, from the summary or the recipe; empty if neither has it."""
        keys = ("objective", "objective.id", "objective.name")
        found = self.summary.get("objective") or next((self.recipe[key] for key in keys if self.recipe.get(key)), "")
        return str(found).partition("(")[0]

    @property
    def rewards_of_a_head(self) -> bool:
        """Whether a head gives the rewards, as in a reward model: no likelihood of any response was measured."""
        known = {*self.train, *self.held_out, *numbers_of(self.summary.get("after"))}
        return any(key.startswith("rewards/") for key in known) and not any(key.startswith("logps/") for key in known)

    @property
    def seconds(self) -> float | None:
        """Wall-clock time of the run in seconds, if known."""
        whole = finite_number(self.summary.get("seconds"))
        return self.last_seconds if whole is None else whole

    @property
    def last_step(self) -> int | None:
        """The last step with a metric."""
        curves = [*self.train.values(), *self.held_out.values()]
        return max((int(curve.steps[-1]) for curve in curves), default=None)


def read_run(path: Path) -> RunFolder:
    """Read a run folder; files may be incomplete, and ``notes`` lists what cannot be read.

    Args:
        path: the folder of a finished or running training run.

    Raises:
        DataError: the folder does not exist or contains no files of a run.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "metrics.jsonl").write_text('{"step": 1, "split": "train", "loss": 0.69}\\n{"step": 2, "sp')
        >>> run = read_run(folder)
        >>> float(run.train["loss"].values[0]), run.notes[0]
        (0.69, 'metrics.jsonl ends in the middle of a line (line 2): the run was probably killed while writing.')
    """
    _require_run_folder(path)
    notes: list[str] = []
    train, held_out, seconds = _read_metrics(path / "metrics.jsonl", notes)
    recipe_text = _text(path / "recipe.yaml") or ""
    said = {name: _read_json(path / f"{name}.json", dict, notes) for name in ("doctor", "summary", "rewards")}
    samples = _read_json(path / "samples.json", list, notes)
    progress = {} if said["summary"] else _read_json(path / "progress.json", dict, notes)
    if isinstance(progress.get("summary"), dict):
        said["summary"] = progress["summary"]
    return RunFolder(
        path=path,
        recipe_text=recipe_text,
        recipe=_read_recipe(recipe_text, notes),
        train=train,
        held_out=held_out,
        last_seconds=seconds,
        samples=[sample for sample in samples if isinstance(sample, dict)],
        progress=progress,
        notes=tuple(notes),
        **said,
    )


def finite_number(value: Any) -> float | None:
    """``value`` as a float if it is a finite number, else None.

    Example:
        >>> finite_number(2), finite_number(float("nan")), finite_number(True), finite_number("2")
        (2.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def numbers_of(value: Any) -> dict[str, float]:
    """The entries of a mapping that are finite numbers; nothing if ``value`` is not a mapping.

    Example:
        >>> numbers_of({"loss": 0.5, "kl": None, "note": "x"})
        {'loss': 0.5}
    """
    if not isinstance(value, Mapping):
        return {}
    pairs = ((str(key), finite_number(item)) for key, item in value.items())
    return {key: item for key, item in pairs if item is not None}


def _require_run_folder(path: Path) -> None:
    expected = f"A run folder contains at least one of {', '.join(FILES)}."
    if not path.exists():
        raise DataError("there is no such folder.", where=str(path), why=expected, fix="Check the path of the run.")
    if not path.is_dir():
        fix = f"Give the folder instead: {path.parent}." if path.name in (*FILES, "report.html") else None
        raise DataError("this is a file, not a run folder.", where=str(path), why=expected, fix=fix)
    if any((path / name).is_file() for name in FILES):
        return
    inner = sorted(child.name for child in path.iterdir() if any((child / name).is_file() for name in FILES))
    more = ", …" if len(inner) > 5 else ""
    fix = f"It contains run folders; give one of them: {', '.join(inner[:5])}{more}." if inner else None
    raise DataError(
        f"this is not a run folder: it contains none of {', '.join(FILES)}.",
        where=str(path),
        fix=fix or "Give the output folder of `penchant train` (its --out).",
    )


def _text(path: Path) -> str | None:
    """The text of a file, or None if there is no such file; invalid UTF-8 is replaced."""
    if not path.is_file():
        return None
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror}).", where=str(path)) from error


def _read_json(path: Path, kind: type, notes: list[str]) -> Any:
    text = _text(path)
    if text is None:
        return kind()
    try:
        value = json_document(text)
    except ValueError:
        notes.append(f"{path.name} is not complete JSON and was left out; the run was probably killed while writing.")
        return kind()
    if not isinstance(value, kind):
        notes.append(f"{path.name} holds a {type(value).__name__} instead of a {kind.__name__}, and was left out.")
        return kind()
    return value


def _read_recipe(text: str, notes: list[str]) -> dict[str, Any]:
    try:
        loaded = yaml_document(text, "recipe.yaml")
    except ConfigurationError:
        notes.append("recipe.yaml is not valid YAML; it is shown as text and not compared.")
        return {}
    return _flat(loaded) if isinstance(loaded, Mapping) else {}


def _flat(nested: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}, so that different recipes can be compared key by key."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _read_metrics(path: Path, notes: list[str]) -> tuple[dict[str, Curve], dict[str, Curve], float | None]:
    text = _text(path)
    if text is None:
        return {}, {}, None
    # One value per split, metric and step: a resumed run writes some steps twice, and the later line counts.
    points: dict[str, dict[str, dict[int, float]]] = {"train": {}, "eval": {}}
    seconds: float | None = None
    lines = text.splitlines()
    unreadable: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _metrics_row(line)
        if row is None:
            unreadable.append(number)
            continue
        seconds = finite_number(row.get("seconds")) or seconds
        split = points["eval" if row.get("split") == "eval" else "train"]
        for key, value in row.items():
            if key not in _PLACE_KEYS and isinstance(value, int | float) and not isinstance(value, bool):
                split.setdefault(key, {})[int(row["step"])] = float(value)
    _tell_unreadable(path.name, unreadable, len(lines), notes)
    return _curves(points["train"]), _curves(points["eval"]), seconds


def _metrics_row(line: str) -> dict[str, Any] | None:
    try:
        row = json_document(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and finite_number(row.get("step")) is not None else None


def _tell_unreadable(name: str, unreadable: list[int], total: int, notes: list[str]) -> None:
    if unreadable and unreadable[-1] == total:
        unreadable = unreadable[:-1]
        notes.append(f"{name} ends in the middle of a line (line {total}): the run was probably killed while writing.")
    if unreadable:
        shown = ", ".join(map(str, unreadable[:5])) + (", …" if len(unreadable) > 5 else "")
        notes.append(f"{name}: {len(unreadable)} unreadable line(s) left out (line {shown}).")


def _curves(points: dict[str, dict[int, float]]) -> dict[str, Curve]:
    curves = {}
    for key, by_step in points.items():
        steps = sorted(by_step)
        values = np.array([by_step[step] for step in steps], dtype=float)
        values[~np.isfinite(values)] = np.nan
        curves[key] = Curve(np.array(steps, dtype=int), values)
    return curves
