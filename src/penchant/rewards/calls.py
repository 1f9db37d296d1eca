"""`StoredCalls`: what a server answered, by the content of the request, so that no call is paid for twice."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.errors import OutputError
from penchant.generation.chat_answers import ChatAnswer

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["StoredCalls", "call_key", "calls_folder"]


def calls_folder() -> Path:
    """``$PENCHANT_CACHE/calls``, or ``penchant/calls`` in the user's cache folder."""
    if named := os.environ.get("PENCHANT_CACHE"):
        return Path(named) / "calls"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penchant" / "calls"


def call_key(server: str, body: Mapping[str, Any]) -> str:
    """SHA-256 of a request: the server, and everything that is sent."""
    return hashlib.sha256(json.dumps([server, body], sort_keys=True).encode()).hexdigest()


class StoredCalls:
    """Answers of one server in one file of JSON lines: key, request, text, tokens, probabilities.

    A line is written as soon as its answer arrives. A line that a killed process left unfinished is passed over, and a
    new one begins after it. Several processes may write the same file.

    Args:
        path: the file; None stores in memory only.
        server: which one, as `penchant.addresses.server_of` tells it from others.

    Raises:
        OutputError: the file cannot be read or its folder cannot be made.
    """

    def __init__(self, path: Path | None, server: str) -> None:
        self.path, self.server = path, server
        self.passed_over = 0
        self._known: dict[str, ChatAnswer] = {}
        self._lock = threading.Lock()
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._read(path)
            except OSError as error:
                raise self._error(error) from error

    def __len__(self) -> int:
        return len(self._known)

    def get(self, body: Mapping[str, Any]) -> ChatAnswer | None:
        """The stored answer to a request, or None."""
        return self._known.get(call_key(self.server, body))

    def put(self, body: Mapping[str, Any], answer: ChatAnswer) -> None:
        """Store an answer.

        Raises:
            OutputError: it cannot be written.
        """
        key = call_key(self.server, body)
        self._known[key] = answer
        if self.path is None:
            return
        row = {"key": key, "text": answer.text, "tokens": answer.tokens, "first": dict(answer.first), "asked": body}
        line = json.dumps(row).encode() + b"\n"
        try:
            with self._lock, open(self.path, "ab+") as file:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX)
                end = file.seek(0, os.SEEK_END)
                if end:
                    file.seek(end - 1)
                    line = line if file.read(1) == b"\n" else b"\n" + line
                file.write(line)
        except OSError as error:
            raise self._error(error) from error

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        with open(path, "rb") as file:
            for line in file:
                found = _row(line)
                if found is None:
                    self.passed_over += bool(line.strip())
                else:
                    self._known[found[0]] = found[1]

    def _error(self, error: OSError) -> OutputError:
        return OutputError(
            f"The answers of the judge cannot be stored ({error.strerror or error}).",
            where=str(self.path),
            fix="Name another file with store=..., or set PENCHANT_CACHE to a writable folder.",
        )


def _row(line: bytes) -> tuple[str, ChatAnswer] | None:
    """A stored answer with its key; None for a line that is no whole answer."""
    try:
        row = json_document(line)
        first = {str(word): float(own) for word, own in row["first"].items()}
        if not isinstance(row["text"], str):
            return None
        return str(row["key"]), ChatAnswer(row["text"], int(row["tokens"]), first)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
