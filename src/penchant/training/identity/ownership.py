"""`Marker`: what makes a folder ours, and which of its files a run wrote; only these are ever deleted."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from penchant import writing
from penchant.locks import LOCK
from penchant.training.identity.run_identity import RUN_FILE, new_run_id, run_id
from penchant.writing import draft_of, write_text

__all__ = ["FILES", "FOLDERS", "MARKER", "Marker", "clear", "left_in", "links_in", "read_marker", "written_files"]

#: The marker of a run's folder.
MARKER = RUN_FILE
#: The files of a run.
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
    "parameters.pt",
)
#: The folders of a run, and what a run writes directly in them.
FOLDERS = {
    "checkpoints": r"checkpoint-\d+|tmp-checkpoint-\d+.*",
    "best": r"step-\d+",
    "model": r".*",
    "adapter": r".*",
    "code": r".*",
    "rounds": r"\d+",
    "states": r"\.?state-\d+\..*",
    "samples": r"\.?\d+-.*",
    "events": r".*",
    ".preflight": r".*",
}

_WRITER = "penchant"


@dataclass(frozen=True)
class Marker:
    """The content of ``run.json``.

    Args:
        run: id of the run.
        kind: ``run`` or ``comparison``.
        files: what the run had written when it ended, relative to the folder; None while it runs, or if it was killed.
        foreign: what lay in the run's folders and is not the run's.
    """

    run: str
    kind: str = "run"
    files: tuple[str, ...] | None = None
    foreign: tuple[str, ...] = ()

    @staticmethod
    def new(kind: str = "run", foreign: Sequence[str] = ()) -> Marker:
        """A marker with an id of its own."""
        return Marker(new_run_id(), kind, None, tuple(foreign))

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        content = {"written_by": _WRITER, "id": self.run, "kind": self.kind, "files": self.files}
        text = json.dumps({**content, "foreign": self.foreign}, indent=1)
        write_text(folder / MARKER, text, MARKER, fix="Free disk space, then start again.", follow=False)


def read_marker(folder: Path) -> Marker | None:
    """The marker of a folder; None if it has none, or only a file of that name that is not ours."""
    path = folder / MARKER
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    known = run_id(folder)
    if known is None or found.get("written_by") != _WRITER:
        return None
    files, foreign = found.get("files"), found.get("foreign")
    return Marker(
        known,
        str(found.get("kind", "run")),
        None if not isinstance(files, list) else tuple(map(str, files)),
        tuple(map(str, foreign)) if isinstance(foreign, list) else (),
    )


def links_in(folder: Path) -> list[str]:
    """The names of a run's files and folders at which there is something else: a symbolic link, for example."""
    found = []
    for name in (*FILES, *FOLDERS):
        try:
            mode = os.lstat(folder / name).st_mode
        except OSError:
            continue
        if not (stat.S_ISDIR(mode) if name in FOLDERS else stat.S_ISREG(mode)):
            found.append(name)
    return found


def written_files(folder: Path) -> list[str]:
    """The regular files at the places where a run writes, relative to its folder. No link is followed."""
    found = []
    for name in FILES:
        for path in (folder / name, draft_of(folder / name)):
            if _is_regular(path):
                found.append(path.name)
    for name in FOLDERS:
        if not (folder / name).is_symlink():
            for place, _, names in os.walk(folder / name, followlinks=False):
                inside = [os.path.relpath(os.path.join(place, each), folder) for each in names]
                found += [each for each in inside if _is_regular(folder / each)]
    return sorted(found)


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _ours(folder: Path, marker: Marker) -> Iterator[str]:
    """The files that the run of a marker wrote."""
    known = None if marker.files is None else set(marker.files)
    foreign = set(marker.foreign)
    for each in written_files(folder):
        first, *rest = Path(each).parts
        if known is not None:
            own = each in known
        else:  # the run was killed: what lies where it writes, under the names that it uses
            own = each not in foreign and (not rest or re.fullmatch(FOLDERS[first], rest[0]) is not None)
        if own:
            yield each


def clear(folder: Path, marker: Marker) -> list[str]:
    """Delete what the run of a marker wrote, except the marker: whoever is stopped here leaves a folder that is ours.

    Args:
        folder: of the run.
        marker: its marker.

    Returns:
        What is left in the folder, relative to it.

    Raises:
        OSError: a file cannot be deleted.
    """
    for each in _ours(folder, marker):
        (folder / each).unlink(missing_ok=True)
    for name in FOLDERS:
        if not (folder / name).is_symlink():
            for place, _, _ in os.walk(folder / name, topdown=False, followlinks=False):
                if not os.listdir(place):
                    os.rmdir(place)
    writing.sync_folder(folder)
    return left_in(folder)


def left_in(folder: Path) -> list[str]:
    """What lies in a folder besides marker and lock, relative to it; of a folder of ours, what lies in it."""
    found = []
    for each in sorted(os.listdir(folder)):
        if each in (MARKER, LOCK, draft_of(folder / MARKER).name):
            continue
        if each in FOLDERS and not (folder / each).is_symlink():
            for place, folders, names in os.walk(folder / each, followlinks=False):
                links = [name for name in folders if os.path.islink(os.path.join(place, name))]
                found += [os.path.relpath(os.path.join(place, name), folder) for name in (*names, *links)]
        else:
            found.append(each)
    return found
