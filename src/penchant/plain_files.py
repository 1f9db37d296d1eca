"""What stands at a path: a usual file or folder, or something that cannot be read like one."""

from __future__ import annotations

from pathlib import Path

from penchant.errors import PenchantError

__all__ = ["readable_text", "shortened", "stands", "usable"]


def usable(path: Path, kind: type[PenchantError], what: str = "file") -> Path:
    """The path, if the system can look it up and it is no pipe, socket or device.

    Args:
        path: where something is to be read; nothing has to be there.
        kind: the class of the error.
        what: what is wanted there, for the error.

    Raises:
        PenchantError: the name is too long or contains NUL, the links lead in a circle, or it is a special file, which
            would be waited for, or never end.

    Example:
        >>> usable(Path("pairs.jsonl"), PenchantError)
        PosixPath('pairs.jsonl')
    """
    if "\x00" in str(path):
        raise kind("The path contains the character NUL.", where=repr(str(path))[1:-1])
    try:
        special = path.exists() and not (path.is_file() or path.is_dir())
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its links lead in a circle"
        raise kind(f"The path cannot be used ({reason}).", where=shortened(path)) from error
    if not special:
        return path
    raise kind(
        f"This is a pipe or a device, and no {what}.",
        where=str(path),
        why="It is read several times, and to its end.",
        fix="Write its content to a file.",
    )


def stands(path: str | Path) -> bool:
    """Whether something is at a path; false for what no system can look up, such as a name that is too long.

    Example:
        >>> stands("."), stands("a" * 5000)
        (True, False)
    """
    try:
        return Path(path).exists()
    except (OSError, ValueError, RuntimeError):
        return False


def shortened(path: Path) -> str:
    """The path, or the beginning of one that fills the screen."""
    text = str(path)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def readable_text(path: Path, kind: type[PenchantError], what: str) -> str:
    """The content of a UTF-8 file.

    Args:
        path: the file.
        kind: the class of the error.
        what: what the file is, for the error: ``recipe``.

    Raises:
        PenchantError: there is no such file, it is a pipe or a device, or its content is not UTF-8.
    """
    try:
        return usable(path, kind, "file").read_text(encoding="utf-8")
    except OSError as error:
        raise kind(f"The {what} cannot be read ({error.strerror}).", where=shortened(path)) from error
    except UnicodeDecodeError as error:
        raise kind(
            f"The {what} is not UTF-8 text: byte {error.object[error.start]:#04x} cannot be decoded.",
            where=str(path),
            fix="Save it as UTF-8, or give the right file.",
        ) from error
