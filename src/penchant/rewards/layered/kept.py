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
    """Parts of an unfinished training, one hidden file each, in the folder of its result.

    A part that was kept for something else (other records, settings or weights), or that cannot be read, counts as
    absent and is made again.

    Args:
        folder: of the result; None keeps nothing.
        of: a JSON value that says what is trained; all that the parts depend on.
        every: seconds between two writes of a part that grows.

    Example:
        >>> Kept(None, "anything").get("training") is None
        True
    """

    def __init__(self, folder: Path | None, of: Any, every: float = EVERY) -> None:
        self.folder, self.every, self._of = folder, every, digest_of(of)
        self._last = time.monotonic()

    def get(self, name: str) -> dict[str, Any] | None:
        """A part, or None if there is none.

        Args:
            name: of the part.
        """
        if self.folder is None or not self._file(name).is_file():
            return None
        try:
            found = torch.load(self._file(name), map_location="cpu", weights_only=True)
        except Exception:  # torch raises many types of errors for a damaged file
            return None
        content: dict[str, Any] | None = found["content"] if found.get("of") == self._of else None
        return content

    def put(self, name: str, content: dict[str, Any]) -> None:
        """Keep a part, in place of the one before it.

        Args:
            name: of the part.
            content: tensors, numbers, lists and dictionaries.

        Raises:
            OutputError: it cannot be written.
        """
        if self.folder is None:
            return
        packed = io.BytesIO()
        torch.save({"of": self._of, "content": content}, packed)
        with (
            output_errors_of(self._file(name), "The unfinished training", "Choose another folder with --out."),
            replacing(self._file(name)) as file,
        ):
            file.write(packed.getbuffer())
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether a part that grows is to be written now."""
        return self.folder is not None and time.monotonic() - self._last >= self.every

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f".{name}.unfinished.pt"


def clear_kept(folder: Path) -> None:
    """Delete what was kept in a folder, once the result is written.

    Args:
        folder: of the result.

    Raises:
        OutputError: a part cannot be deleted.
    """
    for file in sorted(folder.glob(".*.unfinished.pt")):
        delete_kept(file)
