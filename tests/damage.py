"""What disks, copies and hands do to a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def flip(path: Path) -> None:
    """Flip one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def zero(path: Path) -> None:
    """Zeros of the same length."""
    path.write_bytes(bytes(path.stat().st_size))


def cut(path: Path) -> None:
    """The first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, Callable[[Path], object]] = {"flipped": flip, "zeroed": zero, "cut": cut, "deleted": Path.unlink}
