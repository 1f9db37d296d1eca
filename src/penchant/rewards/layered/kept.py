"""`Kept`, what a stopped training of LEVI goes on with: the states that were read, and the fit as far as it came."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import torch

from penchant.manifest import digest_of
from penchant.writing import delete_kept, output_errors_of, replacing

__all__ = ["Kept", "clear_kept"]

#: Seconds of training that a stopped command loses at most.
EVERY = 30.0


class Kept:
    """A part of an unfinished training, in a hidden file in the folder of its result.

    A part that was kept for something else (other records, settings or weights), or that cannot be read, counts as
    absent and is made again.

    Args:
        folder: of the result; None keeps nothing.
        of: a JSON value that says what is trained; all that the part depends on.
        name: of the part.
        every: seconds between two writes of a part that grows.

    Example:
        >>> Kept(None, "anything", "ensemble").get() is None
        True
    """

    def __init__(self, folder: Path | None, of: Any, name: str, every: float = EVERY) -> None:
        self.file = None if folder is None else folder / f".{name}.unfinished.pt"
        self.every, self._of, self._last = every, digest_of(of), time.monotonic()

    def get(self) -> dict[str, Any] | None:
        """What was kept, or None."""
        if self.file is None or not self.file.is_file():
            return None
        try:
            found = torch.load(self.file, map_location="cpu", weights_only=True)
            return dict(found["content"]) if found["of"] == self._of else None
        except Exception:  # torch raises many types of errors for a damaged file
            return None

    def put(self, content: dict[str, Any]) -> None:
        """Keep something in place of what was kept before.

        Args:
            content: tensors, numbers, lists and dictionaries.

        Raises:
            OutputError: it cannot be written.
        """
        if self.file is None:
            return
        packed = io.BytesIO()
        torch.save({"of": self._of, "content": content}, packed)
        with (
            output_errors_of(self.file, "The unfinished training", "Choose another folder with --out."),
            replacing(self.file) as file,
        ):
            file.write(packed.getbuffer())
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether a part that grows is to be written now."""
        return self.file is not None and time.monotonic() - self._last >= self.every


def clear_kept(folder: Path) -> None:
    """Delete what was kept in a folder, once the result is written.

    Args:
        folder: of the result.

    Raises:
        OutputError: a part cannot be deleted.
    """
    for file in sorted(folder.glob(".*.unfinished.pt")):
        delete_kept(file)
