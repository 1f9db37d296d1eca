"""Checkpoints: sealing complete ones, checking and finding them."""

from __future__ import annotations

import errno
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from penchant.errors import CheckpointError, OutputError
from penchant.manifest import Fault, fault_of, write_manifest

__all__ = [
    "OBJECTIVE_FILE",
    "SEAL",
    "delete_drafts",
    "delete_incomplete",
    "delete_old",
    "emptied",
    "find_checkpoint",
    "output_errors",
    "refuse_nothing_kept",
    "refuse_weights_alone",
    "rotate",
    "seal",
    "sealed",
    "sound",
    "step_of",
    "unseal",
]

OBJECTIVE_FILE = "objective.pt"
SEAL = "complete.json"
# Messages of torch about a failed write.
FULL_DISK = ("PytorchStreamWriter", "No space left", "file write failed", "unexpected pos", "iostream error")
# What stands in their place: they name lines of C++, and neither the file nor the system's reason.
NOT_WHOLE = "a file could not be written to its end; the disk is full or failing"
# Errors for which space is no remedy.
UNWRITABLE = (errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM)
# How libraries in Rust write the system's error number.
_NUMBER = re.compile(r"\(os error (\d+)\)")

log = logging.getLogger("penchant")


@contextmanager
def output_errors(folder: Path) -> Iterator[None]:
    """Turn a failed write of any library into one error that names the folder.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    try:
        yield
    except Exception as error:
        if not _of_writing(error):
            raise
        own = NOT_WHOLE if isinstance(error, RuntimeError) and "No space left" not in str(error) else str(error).strip()
        reason = (getattr(error, "strerror", None) or own or type(error).__name__).splitlines()[0]
        said = _NUMBER.search(str(error))
        number = int(said[1]) if said else getattr(error, "errno", None)
        raise OutputError(
            f"{folder.name} could not be written ({reason}).",
            where=str(folder),
            why="Earlier checkpoints are unchanged.",
            fix="Continue with --resume when the disk can be written again."
            if number in UNWRITABLE
            else "Free disk space, then continue with --resume.",
        ) from error


def _of_writing(error: Exception) -> bool:
    """Whether a library failed to write: OSError from Python, SafetensorError from Rust, RuntimeError from torch's
    archives, a plain Exception from tokenizers.
    """
    from safetensors import SafetensorError

    if isinstance(error, RuntimeError):
        return any(mark in str(error) for mark in FULL_DISK)
    plain = type(error) is Exception and _NUMBER.search(str(error)) is not None
    return plain or isinstance(error, OSError | SafetensorError)


def unseal(folder: Path) -> None:
    """Remove the seal before a checkpoint is overwritten; it is unusable until it is sealed again."""
    (folder / SEAL).unlink(missing_ok=True)
    delete_drafts(folder)


def delete_drafts(folder: Path) -> None:
    """Delete drafts of weights in a folder that is about to be written: a killed run leaves the one it was writing."""
    for draft in folder.rglob(".tmp*"):  # the names that safetensors gives them
        draft.unlink(missing_ok=True)


def delete_incomplete(folder: Path) -> None:
    """Delete checkpoints without a seal, which were cut short while they were written or deleted.

    Args:
        folder: the run's ``checkpoints/``.
    """
    for path in folder.glob("checkpoint-*[0-9]"):
        if not sealed(path):
            shutil.rmtree(path, ignore_errors=True)


def emptied(folder: Path) -> None:
    """Remove a checkpoint that is written anew: nothing of an unusable one, or of another run, becomes part of it."""
    if folder.is_dir():
        unseal(folder)
        shutil.rmtree(folder)


def seal(folder: Path, about: Mapping[str, str] | None = None) -> None:
    """Write the manifest of all files, last of all: a checkpoint without this seal is incomplete.

    Args:
        folder: of the checkpoint.
        about: whose it is: the run, and fingerprints of what the run depends on.
    """
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(SEAL))
    write_manifest(folder / SEAL, files, about)


def sealed(folder: Path) -> bool:
    """Whether a checkpoint is complete."""
    return (folder / SEAL).is_file()


def rotate(folder: Path, keep: int, newest: int) -> None:
    """Delete the oldest checkpoints; called after a new one is sealed, so that there is always a usable one.

    Args:
        folder: the run's ``checkpoints/``.
        keep: how many stay, at least 1.
        newest: the step of the new one. Those of later steps are deleted: they could not be used, so the run went on
            from an earlier one, and they must not count among those that stay.
    """
    delete_old(folder, keep, newest)
    for path in folder.glob("checkpoint-*[0-9]"):
        if step_of(path) > newest:
            _delete(path)


def delete_old(folder: Path, keep: int, newest: int) -> None:
    """Delete the oldest of the checkpoints up to a step, such as those that a killed run had not deleted yet.

    Args:
        folder: the run's ``checkpoints/``.
        keep: how many stay, at least 1.
        newest: the step of the newest that counts.
    """
    found = sorted((path for path in folder.glob("checkpoint-*[0-9]") if step_of(path) <= newest), key=step_of)
    for path in found[: max(0, len(found) - keep)]:
        _delete(path)


def _delete(path: Path) -> None:
    unseal(path)  # first, so that a deletion that is cut short leaves no checkpoint that looks complete
    shutil.rmtree(path, ignore_errors=True)


def refuse_weights_alone(checkpoint: Path) -> None:
    """Refuse to continue from a checkpoint without optimizer state.

    Raises:
        CheckpointError: it holds the weights alone.
    """
    if not any(checkpoint.glob("rng_state*.pth")):
        raise CheckpointError(
            f"{checkpoint.name} holds weights without the state of the optimizer (checkpoints: weights).",
            where=str(checkpoint),
            why="A run that continued from it would not be the run that was stopped.",
            fix="Start again with --overwrite, or start a new run from these weights: --model with this folder.",
        )


def refuse_nothing_kept(folder: Path) -> None:
    """Refuse to continue a run that keeps no checkpoints.

    Args:
        folder: of the run.

    Raises:
        CheckpointError: the run has begun.
    """
    if (folder / "metrics.jsonl").is_file():
        raise CheckpointError(
            "The run keeps no checkpoints (checkpoints: none, or keep_checkpoints: 0), so it cannot be continued.",
            where=str(folder),
            fix="Start again with --overwrite; checkpoints: full lets a run be resumed.",
        )


def sound(folder: Path, about: Mapping[str, str] | None = None) -> Fault:
    """None for a usable checkpoint, else a description of what is wrong with it.

    Args:
        folder: of the checkpoint.
        about: whose it should be.
    """
    return fault_of(folder / SEAL, about) or _readable(folder)


def _readable(folder: Path) -> Fault:
    """Open the parts that open quickly: headers of weights, the trainer's state, the optimizer's archive."""
    import zipfile

    from safetensors import SafetensorError, safe_open

    try:
        json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        for path in folder.glob("*.safetensors"):
            with safe_open(str(path), framework="pt") as file:
                file.keys()
        for path in folder.glob("*.pt"):
            with zipfile.ZipFile(path) as archive:
                if (broken := archive.testzip()) is not None:
                    return f"{path.name} is damaged ({broken})"
    except (OSError, ValueError, SafetensorError, zipfile.BadZipFile) as error:
        return f"a file in it cannot be read ({str(error).splitlines()[0]})"
    return None


def step_of(checkpoint: Path) -> int:
    """The number of steps done when a checkpoint was written."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def find_checkpoint(
    folder: Path,
    about: Mapping[str, str] | None = None,
    also: Callable[[Path], Fault] | None = None,
    otherwise: str | None = None,
) -> Path | None:
    """The newest usable checkpoint; unusable ones are passed over, each with a warning that says why.

    Args:
        folder: the run's ``checkpoints/``.
        about: whose checkpoints they should be.
        also: what else may be wrong with a checkpoint whose files are sound.
        otherwise: what the run falls back to when none is usable; None if it has nothing.

    Returns:
        The folder of the checkpoint, or None if there are no complete checkpoints.

    Raises:
        CheckpointError: there are complete checkpoints, but none is usable, and there is nothing to fall back to.
    """
    found = sorted(folder.glob("checkpoint-*[0-9]"), key=step_of, reverse=True)
    faults: dict[Path, str] = {}
    for path in found:
        fault = sound(path, about) or (also(path) if also is not None else None)
        if fault is None:
            break
        faults[path] = fault
    good = next((path for path in found if path not in faults), None)
    if good is None and otherwise is None and any((path / SEAL).exists() for path in found):
        troubles = "; ".join(f"{path.name}: {fault}" for path, fault in faults.items())
        raise CheckpointError(
            f"No checkpoint can be used ({troubles}).",
            where=str(folder),
            fix="Start again with --overwrite, or restore from a backup what is damaged or has changed.",
        )
    instead = (otherwise or "the beginning") if good is None else good.name
    for path, fault in faults.items():
        log.warning("%s cannot be used (%s); falling back to %s.", path.name, fault, instead)
    return good
