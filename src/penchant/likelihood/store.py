"""`Store`, a key-value cache in one SQLite file that several runs share.

Each value lies beside its hash: a damaged one is not used, and is computed again.
SQLite makes concurrent runs safe: writers queue, existing values are kept, and a killed run leaves no partial rows.
A file that may only be read is used as well: new values are then kept in memory, for this run alone.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar, TypeVar

from penchant.errors import OutputError

__all__ = ["Store"]

log = logging.getLogger("penchant")

# Read-only stores that were reported, so that it is said once.
_REPORTED: set[str] = set()

Found = TypeVar("Found")

# Seconds to wait for another process.
PATIENCE = 120.0


class Store:
    """A map from keys to values, both bytes, in one file, which is created if absent.

    Args:
        path: the file.

    Raises:
        OutputError: the file cannot be written or read.
    """

    #: What the values are, for messages.
    subject: ClassVar[str] = "computed values"
    #: The fix if the file cannot be written.
    way_out: ClassVar[str] = "Set PENCHANT_CACHE to a writable folder."
    table: ClassVar[str] = "hashed"

    def __init__(self, path: Path) -> None:
        self.path, self.damaged = path, 0
        #: Whether the file may only be read; new values are then kept in memory.
        self.read_only = False
        #: The file that is only read; None if values are written to it, or it does not exist.
        self.shared: sqlite3.Connection | None = None
        try:
            self.read_only = _read_only(self.path)
            if self.read_only:
                self.shared = self._open_shared()
                self.connection = self._open(":memory:")
            else:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.connection = self._connect()
        except (OSError, sqlite3.DatabaseError) as error:
            raise OutputError(
                f"The cache of {self.subject} cannot be written ({error}).", where=str(self.path), fix=self.way_out
            ) from error

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return self._afresh()

    def _afresh(self) -> sqlite3.Connection:
        """Set a file aside that is not a valid database; all values can be computed again."""
        aside = self.path.with_suffix(".corrupt")
        self.path.replace(aside)
        for journal in ("-wal", "-shm"):
            # SQLite would replay them into the new file.
            self.path.with_name(self.path.name + journal).unlink(missing_ok=True)
        log.warning(
            "The cache of %s, %s, is damaged; it is set aside as %s, and its values are computed again.",
            self.subject,
            self.path,
            aside.name,
        )
        return self._open()

    def _open_shared(self) -> sqlite3.Connection | None:
        """The file, opened for reading alone; None if there is none."""
        if str(self.path) not in _REPORTED:
            _REPORTED.add(str(self.path))
            log.warning(
                "The cache of %s in %s is read-only: it is used, and new values are kept for this run alone.",
                self.subject,
                self.path.parent,
            )
        if not self.path.is_file():
            return None
        # Without its log of changes, which another process may be writing now, the file is a whole state of the past.
        log_file = self.path.with_name(self.path.name + "-wal")
        quiet = not log_file.exists() or log_file.stat().st_size == 0
        place = self.path.resolve().as_uri() + "?mode=ro" + ("&immutable=1" if quiet else "")
        connection = sqlite3.connect(place, uri=True, timeout=PATIENCE, isolation_level=None)
        try:
            connection.execute(f"SELECT 1 FROM {self.table} LIMIT 1").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            log.warning("The cache %s cannot be read (%s); its values are computed again.", self.path, error)
            return None
        return connection

    def _open(self, place: str | Path | None = None) -> sqlite3.Connection:
        connection = sqlite3.connect(place or self.path, timeout=PATIENCE, isolation_level=None)
        _patiently(connection, "PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        _patiently(
            connection,
            f"CREATE TABLE IF NOT EXISTS {self.table} "
            "(key BLOB PRIMARY KEY, value BLOB NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID",
        )
        return connection

    def digest(self, key: bytes, value: bytes) -> bytes:
        """The hash that lies beside a value: of the value, of its key, and of the name of the file that it is in."""
        named = self.path.stem.encode("utf-8", "surrogatepass")
        return hashlib.sha256(len(key).to_bytes(8, "little") + key + value + named).digest()[:16]

    def read(self, key: bytes) -> bytes | None:
        """The value of a key; None if there is none, or it is damaged or of another file."""
        try:
            row = self._again_if_malformed(lambda: self._row(key))
        except sqlite3.DatabaseError as error:
            raise OutputError(
                f"The cache of {self.subject} cannot be read ({error}).",
                where=str(self.path),
                fix="Delete this file; the next run creates it again.",
            ) from error
        if row is None or row[1] == self.digest(key, row[0]):
            return None if row is None else row[0]
        self._forget(key)
        return None

    def _row(self, key: bytes) -> tuple[bytes, bytes] | None:
        for each in (self.connection, self.shared):
            row: tuple[bytes, bytes] | None = None
            if each is not None:
                row = each.execute(f"SELECT value, digest FROM {self.table} WHERE key = ?", (key,)).fetchone()
            if row is not None:
                return row
        return None

    def _forget(self, key: bytes) -> None:
        """Delete a damaged value; the first is reported."""
        self.damaged += 1
        if self.damaged == 1:
            log.warning(
                "The cache of %s, %s, has a damaged value (its hash is not the one that was recorded); damaged values "
                "are computed again.",
                self.subject,
                self.path,
            )
        try:
            self.connection.execute(f"DELETE FROM {self.table} WHERE key = ?", (key,))
        except sqlite3.OperationalError:  # not ours to write; it stays, and is not used
            return

    def _again_if_malformed(self, action: Callable[[], Found]) -> Found:
        """What an action on the file gives; a damaged file is set aside first, unless another process has done so.

        A damaged file that may only be read is not used any more.
        """
        if self.read_only:
            try:
                return action()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self.shared = None
                return action()
        for repaired in (self._connect, self._afresh):
            try:
                return action()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self.connection.close()
                self.connection = repaired()
        return action()

    def write(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Add keys and values in one transaction; existing values are kept."""
        hashed = [(key, value, self.digest(key, value)) for key, value in rows]
        try:
            self._again_if_malformed(lambda: self._add(hashed))
        except sqlite3.DatabaseError as error:
            raise OutputError(
                f"{self.subject[0].upper()}{self.subject[1:]} cannot be saved ({error}).",
                where=str(self.path),
                fix="Free disk space, or set PENCHANT_CACHE to another folder.",
            ) from error

    def _add(self, rows: list[tuple[bytes, bytes, bytes]]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"INSERT OR IGNORE INTO {self.table} VALUES (?, ?, ?)", rows)
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
        if self.shared is not None:
            self.shared.close()


def _read_only(path: Path) -> bool:
    """Whether a file lies where this process may read but not write."""
    nearest = next(each for each in (path.parent, *path.parent.parents) if os.path.lexists(each))
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if nearest != path.parent:
        return False  # there is no cache yet
    return not os.access(nearest, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK))


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Execute a statement when no other process has the file for itself.

    SQLite waits for readers and writers, but refuses at once while another process opens or closes the write-ahead log.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
