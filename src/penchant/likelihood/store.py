"""A file of computed values that several runs share: one SQLite file, one row per key.

SQLite makes concurrent runs safe: writers queue, a value already there is kept, and a killed run leaves whole rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from penchant.errors import OutputError

__all__ = ["Store"]


class Store:
    """Values by key, both bytes, in one file; made if absent.

    Args:
        path: the file.

    Raises:
        OutputError: it cannot be written; later, that a value cannot be kept or read.
    """

    #: What is kept, for messages.
    subject: ClassVar[str] = "computed values"
    #: What to do where the file cannot be written at all.
    way_out: ClassVar[str] = "Set PENCHANT_CACHE to a folder that can be written."
    table: ClassVar[str] = "kept"

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            raise OutputError(
                f"The cache of {self.subject} cannot be written ({error}).", where=str(self.path), fix=self.way_out
            ) from error

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            # Not a database (any more): set it aside, every value in it can be computed again.
            self.path.replace(self.path.with_suffix(".corrupt"))
            for journal in ("-wal", "-shm"):
                # Left behind, they would be replayed into the new file.
                self.path.with_name(self.path.name + journal).unlink(missing_ok=True)
            return self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=120, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self.table} (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
        )
        return connection

    def read(self, key: bytes) -> bytes | None:
        """The value under a key, None where there is none."""
        try:
            row = self.connection.execute(f"SELECT value FROM {self.table} WHERE key = ?", (key,)).fetchone()
        except sqlite3.DatabaseError as error:
            raise OutputError(
                f"The cache of {self.subject} cannot be read ({error}).",
                where=str(self.path),
                fix="Delete this file; it will be filled again.",
            ) from error
        return None if row is None else row[0]

    def write(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Add keys and values, all or none; a value that is there already is kept."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany(f"INSERT OR IGNORE INTO {self.table} VALUES (?, ?)", rows)
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"{self.subject[0].upper()}{self.subject[1:]} cannot be kept ({error}).",
                where=str(self.path),
                fix="Free space on the disk, or set PENCHANT_CACHE to another folder.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
