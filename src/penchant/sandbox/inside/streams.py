"""What a program writes: read as it comes, kept up to a limit."""

from __future__ import annotations

import os
import select

__all__ = ["Streams"]

_PIECE = 2**16
# Bytes of the report, which the cell alone writes, that are kept.
_REPORT = 2**24


class Streams:
    """Output, errors and report of one program.

    Args:
        descriptors: the reading ends of the three pipes.
        limit: bytes of output and errors together that are kept.
    """

    def __init__(self, descriptors: list[int], limit: int) -> None:
        self._kept = {descriptor: bytearray() for descriptor in descriptors}
        self._order, self._report, self._limit = list(descriptors), descriptors[-1], limit
        self._poll = select.poll()
        for descriptor in descriptors:
            os.set_blocking(descriptor, False)
            self._poll.register(descriptor, select.POLLIN)
        self._open = set(descriptors)
        #: Whether more was written than is kept.
        self.full = False

    @property
    def reporting(self) -> bool:
        """Whether the report is still open, which the cell alone holds."""
        return self._report in self._open

    def read(self, seconds: float) -> bool:
        """Wait for something to read, and read one piece of each stream that has some; whether there was any."""
        ready = self._poll.poll(max(0, int(seconds * 1000) + 1) if seconds > 0 else 0)
        for descriptor, _event in ready:
            self._read(descriptor)
        return bool(ready)

    def drain(self) -> None:
        """Read what is left in the pipes, when nobody writes any more."""
        while self._open and not self.full and self.read(0):
            pass

    def _read(self, descriptor: int) -> None:
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:
            return
        if not piece:
            self._poll.unregister(descriptor)
            self._open.discard(descriptor)
            return
        kept = self._kept[descriptor]
        if descriptor == self._report:
            left = _REPORT - len(kept)
        else:
            left = self._limit - sum(len(self._kept[each]) for each in self._order[:-1])
        kept += piece[: max(0, left)]
        self.full = self.full or len(piece) > left

    def contents(self) -> list[bytes]:
        """What was kept of each."""
        return [bytes(self._kept[descriptor]) for descriptor in self._order]

    def close(self) -> None:
        """Close the pipes; who still writes to them gets an error."""
        for descriptor in self._order:
            os.close(descriptor)
