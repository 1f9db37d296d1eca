"""The folder of a run: checked before any work, with files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.training.same_run import check_same_origin, check_same_recipe

__all__ = ["RunFolder"]

# The files of a run: `--overwrite` deletes these and nothing else.
FILES = (
    "recipe.yaml",
    "origin.json",
    "metrics.jsonl",
    "summary.json",
    "rewards.json",
    "samples.json",
    "doctor.json",
    "report.html",
    "progress.json",
    "unlearning.json",
    "unlearning.jsonl",
    "unlearning.html",
)
FOLDERS = ("checkpoints", "best", "model", "adapter", "rounds", "states", "samples", "events", "code")
# Folders that are the result of work.
WORK = ("checkpoints", "best", "model", "rounds", "states")


class RunFolder:
    """A folder that holds one run.

    Args:
        path: of the folder; `claim` creates it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.made, self.begun = False, False

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Where the trained model goes."""
        return self.path / "model"

    def claim(self, *, resume: bool, overwrite: bool, inputs: Sequence[str] = ()) -> None:
        """Claim the folder for this run, or raise an error. Nothing in it changes yet (see `begin`).

        Args:
            resume: continue the run in the folder.
            overwrite: the run in the folder may be deleted.
            inputs: files and folders that the run reads, which must not be deleted.

        Raises:
            OutputError: it holds another run, or cannot be written.
        """
        if resume and overwrite:
            raise OutputError("--resume and --overwrite were both given.", where=str(self.path), fix="Choose one.")
        try:
            if self.path.is_dir() and any(self.path.iterdir()):
                self._refuse(resume, overwrite, inputs)
            self.made = not self.path.exists()
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
        except OSError as error:
            raise OutputError(
                f"The output folder cannot be written ({error.strerror or error}).",
                where=str(self.path),
                fix="Choose another folder with --out, or free disk space.",
            ) from error

    def _refuse(self, resume: bool, overwrite: bool, inputs: Sequence[str]) -> None:
        if not self._holds_run():
            raise OutputError(
                "The output folder already holds files that are not a run.",
                where=str(self.path),
                fix="Give an empty or new folder with --out.",
            )
        if not resume and not overwrite:
            raise OutputError(
                "The output folder already holds another run.",
                where=str(self.path),
                fix="Give --resume to continue it, --overwrite to delete it, or another folder with --out.",
            )
        parts = [(self.path / name).resolve() for name in (*FILES, *FOLDERS)]
        for each in inputs if overwrite else ():
            place = Path(each).resolve()
            if place.exists() and any(place.is_relative_to(part) for part in parts):
                raise OutputError(
                    f"--overwrite would delete {each}, which this run reads.",
                    where=str(self.path),
                    fix="Give another folder with --out.",
                )

    def _holds_run(self) -> bool:
        """Whether the folder holds a run, and not files of the user's that are called alike."""
        if (self.path / "recipe.yaml").is_file() and (self.path / "origin.json").is_file():
            return True
        return any(self.checkpoints.glob("checkpoint-*/trainer_state.json"))

    def begin(self, recipe: dict[str, Any], origin: dict[str, str], *, resume: bool) -> None:
        """Delete an earlier run unless it is resumed, and write the recipe and origin of this one.

        Args:
            recipe: the resolved recipe.
            origin: fingerprints of the initial model and the data.
            resume: continue the run in the folder.

        Raises:
            OutputError: the folder cannot be written.
            ConfigurationError: the run to resume has another recipe, model or data.
        """
        if resume:
            check_same_origin(self.path, self.read_json("origin.json") or {}, origin)
        else:
            self._clear()
            self.begun = True
        self.write_recipe(recipe)
        self.write_json("origin.json", origin)

    def _clear(self) -> None:
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)
        for name in FOLDERS:
            shutil.rmtree(self.path / name, ignore_errors=True)

    @contextmanager
    def freed_on_failure(self) -> Iterator[None]:
        """If what follows fails before any work is done, free the folder, so that the next start may use it."""
        try:
            yield
        except BaseException:
            if self.begun and not self._worked():
                self._clear()
            if self.made and self.path.is_dir() and not any(self.path.iterdir()):
                self.path.rmdir()
            raise

    def _worked(self) -> bool:
        """Whether the folder holds a training step, a checkpoint or a sample."""
        log = self.path / "metrics.jsonl"
        if log.is_file() and '"split": "train"' in log.read_text(encoding="utf-8", errors="replace"):
            return True
        return any((self.path / name).is_dir() and any((self.path / name).iterdir()) for name in WORK)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file whole or not at all."""
        self.write_text(name, json.dumps(content, indent=1, default=str))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole or not at all.

        Raises:
            OutputError: the disk is full or the folder no longer exists.
        """
        target = self.path / name
        draft = target.with_name(f".{target.name}.part")
        try:
            draft.write_text(text, encoding="utf-8")
            os.replace(draft, target)
        except OSError as error:
            raise OutputError(
                f"{name} cannot be written ({error.strerror or error}).",
                where=str(self.path),
                fix="Free disk space, then continue with --resume.",
            ) from error

    def read_json(self, name: str) -> Any:
        """A JSON file of the run, or None if it is missing or incomplete."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write_recipe(self, values: dict[str, Any]) -> None:
        """Write the resolved recipe."""
        import yaml

        self.write_text("recipe.yaml", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))

    def check_same(self, values: dict[str, Any]) -> None:
        """Refuse to resume a run under another recipe.

        Args:
            values: the resolved recipe to continue with.

        Raises:
            ConfigurationError: a key that affects the results has changed.
        """
        check_same_recipe(self.path / "recipe.yaml", values)
