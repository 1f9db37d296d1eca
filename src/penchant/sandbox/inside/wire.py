"""Messages between processes: JSON behind its length in four bytes, read without reading ahead."""

from __future__ import annotations

import json
import os
from typing import Any

__all__ = ["LARGEST", "read_bytes", "read_message", "write_bytes", "write_message"]

#: Bytes of the largest message that is read.
LARGEST = 64 * 2**20
_PIECE = 2**16


def read_bytes(descriptor: int, count: int) -> bytes:
    """Exactly ``count`` bytes.

    Raises:
        EOFError: the other side has ended.
    """
    parts = []
    while count:
        part = os.read(descriptor, min(count, _PIECE))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_message(descriptor: int, largest: int = LARGEST) -> Any:
    """The next message.

    Raises:
        EOFError: the other side has ended.
        ValueError: it is not a message, or longer than ``largest`` bytes.
    """
    length = int.from_bytes(read_bytes(descriptor, 4), "big")
    if length > largest:
        raise ValueError(f"a message of {length} bytes")
    return json.loads(read_bytes(descriptor, length))


def write_bytes(descriptor: int, content: bytes) -> None:
    """All of ``content``."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def write_message(descriptor: int, message: Any) -> None:
    """One message."""
    content = json.dumps(message).encode()
    write_bytes(descriptor, len(content).to_bytes(4, "big") + content)
