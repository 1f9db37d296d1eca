"""The folder of a run: checked before any work, with files that are written whole or not at all."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.locks import LOCK, FolderLock
from penchant.training.identity.origin import ORIGIN_FILE, former_about, former_origin, signed
from penchant.training.identity.ownership import (
    FILES,
    FOLDERS,
    MARKER,
    Marker,
    clear,
    left_in,
    links_in,
    read_marker,
    written_files,
)
from penchant.training.identity.run_identity import new_run_id
from penchant.training.same_run import check_same_origin, check_same_recipe, recipe_fingerprint
from penchant.writing import draft_of, write_text

__all__ = ["RunFolder"]

log = logging.getLogger("penchant")

# The file that is written to see whether the folder can be written.
PROBE = ".writable"

# Folders that are the result of work.
WORK = ("checkpoints", "best", "model", "rounds", "states")


class RunFolder:
    """A folder that holds one run.

    Args:
        path: of the folder; `claim` creates it.

    A marker with an id (`penchant.training.identity.ownership`) says that the folder is a run's, and a lock that a
    process works in it now.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.made, self.marked, self.begun, self.opened = False, False, False, False
        self.marker: Marker | None = None
        #: Whose checkpoints the run writes and accepts, see `begin`.
        self.about: dict[str, str] = {}
        self._lock: FolderLock | None = None

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Where the trained model goes."""
        return self.path / "model"

    def claim(self, *, resume: bool, overwrite: bool, inputs: Sequence[str] = ()) -> None:
        """Claim the folder for this run, or raise an error; it is locked until `freed_on_failure` ends.

        What an earlier run wrote does not change yet (see `begin`).

        Args:
            resume: continue the run in the folder.
            overwrite: the run in the folder may be deleted.
            inputs: files and folders that the run reads, which must not be deleted.

        Raises:
            OutputError: it holds another run or other files, another run works in it, or it cannot be written.
        """
        if resume and overwrite:
            raise OutputError("--resume and --overwrite were both given.", where=str(self.path), fix="Choose one.")
        try:
            self._check(resume, overwrite, inputs)
            self.made = not self.path.exists()
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(self.path)
            lock.take()
            self._lock = lock
            self._check(resume, overwrite, inputs)  # another run may have begun and ended before the lock was taken
            probe = self.path / PROBE
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
            self.marker = read_marker(self.path)
            if self.marker is None and not resume:
                self.marker, self.marked = Marker.new(), True
                self.marker.write(self.path)
        except OSError as error:
            raise OutputError(
                f"The output folder cannot be written ({error.strerror or error}).",
                where=str(self.path),
                fix="Choose another folder with --out, or free disk space.",
            ) from error

    def _check(self, resume: bool, overwrite: bool, inputs: Sequence[str]) -> None:
        """Refuse a folder that holds anything but a run that may be continued or deleted."""
        # What a run leaves that was stopped before its marker was whole.
        first = {LOCK, PROBE, draft_of(self.path / MARKER).name}
        if not self.path.is_dir() or not any(each.name not in first for each in self.path.iterdir()):
            return
        marker = read_marker(self.path)
        ours = marker is not None and marker.kind == "run"
        if not ours and not self._holds_earlier_run():
            raise OutputError(
                "The output folder already holds files that are not a run.",
                where=str(self.path),
                fix="Give an empty or new folder with --out.",
            )
        begun = not ours or (self.path / "recipe.yaml").is_file()
        if begun and not resume and not overwrite:
            raise OutputError(
                "The output folder already holds another run.",
                where=str(self.path),
                fix="Give --resume to continue it, --overwrite to delete it, or another folder with --out.",
            )
        if not resume:
            self._check_deletable(ours, inputs)

    def _check_deletable(self, ours: bool, inputs: Sequence[str]) -> None:
        """Refuse to delete what is not ours, what this run reads, and what lies behind links."""
        if not ours:
            raise OutputError(
                f"The folder holds a run without {MARKER}, by which --overwrite knows what a run wrote: a run of an "
                "earlier version, or a copy.",
                where=str(self.path),
                fix="Delete the folder yourself, or give another one with --out.",
            )
        parts = [(self.path / name).resolve() for name in (*FILES, *FOLDERS)]
        for each in inputs:
            place = Path(each).resolve()
            if place.exists() and any(place.is_relative_to(part) for part in parts):
                raise OutputError(
                    f"--overwrite would delete {each}, which this run reads.",
                    where=str(self.path),
                    fix="Give another folder with --out.",
                )
        if links := links_in(self.path):
            raise OutputError(
                f"In the folder, {links[0]} is a symbolic link or another thing that no run made, and --overwrite "
                "follows none.",
                where=str(self.path),
                fix="Remove it yourself, or give another folder with --out.",
            )

    def _holds_earlier_run(self) -> bool:
        """Whether the folder holds a run of a version that wrote no marker, and not files that are called alike."""
        return (self.path / "recipe.yaml").is_file() and (self.path / "origin.json").is_file()

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
            check_same_origin(self.path, former_origin(self.path), origin)
            run = self._take_over()
        else:
            left = self._clear()
            self.begun = True
            run = Marker.new(foreign=left)
            run.write(self.path)
            if left:
                more = f" and {len(left) - 5} more" if len(left) > 5 else ""
                log.warning("In %s stays what no run wrote: %s%s.", self.path, ", ".join(left[:5]), more)
        self.marker, self.opened = run, True
        self.about = {"run": run.run, "recipe": recipe_fingerprint(recipe), **origin}
        self.write_recipe(recipe)
        self.write_json(ORIGIN_FILE, signed(origin))

    def _take_over(self) -> Marker:
        """Mark the folder as one whose run goes on; a run of an earlier version gets its marker here."""
        former = read_marker(self.path)
        foreign = () if former is None else former.foreign
        if former is not None and former.files is not None:
            foreign = tuple(sorted(set(written_files(self.path)) - set(former.files)))
        known = None if former is None else former.run
        run = Marker(known or former_about(self.path).get("run") or new_run_id(), foreign=foreign)
        run.write(self.path)
        return run

    def _clear(self) -> list[str]:
        """Delete what the run in the folder wrote; what is left."""
        marker = read_marker(self.path)
        if marker is None:
            return left_in(self.path)
        try:
            return clear(self.path, marker)
        except OSError as error:
            raise OutputError(
                f"The earlier run cannot be deleted ({error.strerror or error}).",
                where=str(self.path),
                fix="Give another folder with --out.",
            ) from error

    @contextmanager
    def freed_on_failure(self) -> Iterator[None]:
        """If what follows fails before any work is done, free the folder, so that the next start may use it.

        However it ends, the files that the run wrote are listed in the marker, and the lock is given back.
        """
        try:
            yield
        except BaseException:
            if (self.begun or self.marked) and not self._worked():
                self._free()
            raise
        finally:
            try:
                self._close()
            finally:
                self._unlock()
                if self.made and self.path.is_dir() and not any(self.path.iterdir()):
                    self.path.rmdir()

    def _free(self) -> None:
        """Delete everything of this run; the marker stays as long as anything else does."""
        if not self._clear():
            (self.path / MARKER).unlink(missing_ok=True)

    def _close(self) -> None:
        """List in the marker what the run wrote."""
        marker = read_marker(self.path) if self.opened else None
        if marker is not None and (self.path / "recipe.yaml").is_file():
            files = tuple(each for each in written_files(self.path) if each not in set(marker.foreign))
            Marker(marker.run, marker.kind, files, marker.foreign).write(self.path)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

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
        fix = "Free disk space, then continue with --resume."
        write_text(self.path / name, text, name, fix=fix, follow=False)

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
