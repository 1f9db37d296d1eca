"""Compressed data: how much a file may become when it is read, so that a small one cannot ask for all memory."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from penchant.errors import DataError

__all__ = ["FLOOR", "TIMES", "Allowance", "arrow_batches", "parquet_batches", "unzipped"]

#: A compressed file may become this many times its size. Texts shrink to a tenth, very repetitive ones to a fiftieth.
TIMES = 100
#: What every file may become, in bytes.
FLOOR = 2**28
# What a row takes beside its texts and numbers, in bytes; else a column of nulls would cost nothing.
_ROW = 64
# Rows that are read at once where they cannot be counted before.
_FEW = 32


class Allowance:
    """What is left of the bytes that a compressed file may become.

    Args:
        path: the file.
        fix: what to do if the file is larger and can be trusted.

    Example:
        >>> import tempfile; file = Path(tempfile.mkdtemp()) / "a"; _ = file.write_bytes(b"a")
        >>> Allowance(file, "").total == FLOOR
        True
    """

    def __init__(self, path: Path, fix: str) -> None:
        self.path, self.fix, self.spent = path, fix, 0
        self.size = path.stat().st_size
        self.total = max(FLOOR, TIMES * self.size)

    def spend(self, size: int) -> None:
        """Count bytes that are about to be used, or were read.

        Raises:
            DataError: there are more than the file may become.
        """
        self.spent += size
        if self.spent > self.total:
            raise DataError(
                f"The file of {self.size:,} bytes becomes more than {self.total:,} bytes when it is read.",
                where=str(self.path),
                why=f"A file may grow to {FLOOR >> 20} MiB or {TIMES} times its size: a small one from elsewhere must "
                "not fill the memory.",
                fix=f"If you trust it, {self.fix}, which has no limit.",
            )


def unzipped(path: Path) -> BinaryIO:
    """The content of a gzip file as a stream.

    Args:
        path: the file. Reading from the stream raises a `DataError` where it becomes too large.
    """
    return io.BufferedReader(_Counted(path), 1 << 16)


class _Counted(io.RawIOBase):
    """A gzip file whose content is counted while it is read."""

    def __init__(self, path: Path) -> None:
        self.inner = gzip.GzipFile(path)
        self.allowance = Allowance(path, f"unpack it and read the plain file (gunzip --keep {path.name})")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self.inner.read(len(buffer))
        self.allowance.spend(len(content))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self.inner.close()
        super().close()


def parquet_batches(path: Path, rows: int = 1024) -> Iterator[Any]:
    """The rows of a Parquet file as record batches of pyarrow.

    A dictionary of one long text can stand for any number of rows, so texts are counted before they are repeated.

    Args:
        path: the file.
        rows: the most rows of a batch.

    Raises:
        DataError: the file becomes too large.
    """
    import pyarrow.parquet as parquet

    allowance = Allowance(path, _AS_LINES)
    plain = parquet.ParquetFile(path)
    groups = [plain.metadata.row_group(number) for number in range(plain.metadata.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    stored = sum(each.total_uncompressed_size for each in columns)
    Allowance(path, _AS_LINES).spend(stored + _ROW * plain.metadata.num_rows)
    texts = {each.path_in_schema for each in columns if each.physical_type == "BYTE_ARRAY" and each.has_dictionary_page}
    counted = parquet.ParquetFile(path, read_dictionary=sorted(texts))
    for number in range(len(groups)):
        for batch in _of_group(counted, plain, number, rows):
            allowance.spend(_ROW * batch.num_rows + sum(map(_decoded_size, batch.columns)))
            yield _in_plain_texts(batch)


def _of_group(counted: Any, plain: Any, number: int, rows: int) -> Iterator[Any]:
    """The batches of a group of rows, with texts in dictionaries where pyarrow can leave them there."""
    from pyarrow.lib import ArrowNotImplementedError

    done = 0
    try:
        for batch in counted.iter_batches(rows, row_groups=[number], use_threads=False):
            yield batch
            done += batch.num_rows
    except ArrowNotImplementedError:
        # Texts in lists of which some are in the dictionary and others are not: few at a time, and counted afterwards.
        for batch in plain.iter_batches(min(rows, _FEW), row_groups=[number], use_threads=False):
            left_out = min(done, batch.num_rows)
            done -= left_out
            if left_out < batch.num_rows:
                yield batch.slice(left_out)


def arrow_batches(path: Path) -> Iterator[Any]:
    """The rows of an Arrow file or stream as record batches of pyarrow.

    Args:
        path: the file.

    Raises:
        DataError: the file becomes too large.
    """
    import pyarrow as arrow

    allowance = Allowance(path, _AS_LINES)
    with arrow.memory_map(str(path)) as file:
        # A file is a stream between a mark of eight bytes and an index. `datasets` writes streams, others also files.
        start = 8 if file.read(6) == b"ARROW1" else 0
        file.seek(start)
        for message in arrow.ipc.MessageReader.open_stream(file):
            allowance.spend(_declared(message))
        file.seek(start)
        allowance.spent = 0
        for batch in arrow.ipc.open_stream(file):
            # Reading trusts the offsets of the file; those of a damaged one point outside of the memory.
            batch.validate(full=True)
            allowance.spend(_ROW * batch.num_rows + sum(map(_decoded_size, batch.columns)))
            yield batch


_AS_LINES = "write it as JSON lines with a program of your own (to_json(lines=True) of pandas) and read those"


def _decoded_size(column: Any) -> int:
    """The bytes of a column whose dictionaries are replaced by their texts."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    kind = column.type
    if arrow.types.is_dictionary(kind):
        if not (_is_text(kind.value_type)):
            return int(column.nbytes)
        lengths = compute.cast(compute.binary_length(column.dictionary), arrow.int64())
        return int(compute.sum(lengths.take(column.indices)).as_py() or 0)
    if arrow.types.is_struct(kind):
        return sum(_decoded_size(each) for each in column.flatten())
    if arrow.types.is_list(kind) or arrow.types.is_large_list(kind):
        return int(column.nbytes) + _decoded_size(column.flatten())
    return int(column.nbytes)


def _is_text(kind: Any) -> bool:
    import pyarrow as arrow

    types = arrow.types
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _in_plain_texts(batch: Any) -> Any:
    """A batch with texts instead of their places in dictionaries."""
    import pyarrow as arrow

    columns = [each.dictionary_decode() if arrow.types.is_dictionary(each.type) else each for each in batch.columns]
    return arrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _declared(message: Any) -> int:
    """The bytes that the compressed buffers of a message of Arrow's format become, as the message says.

    The message is a table of the FlatBuffers format; a compressed buffer begins with its length (Arrow columnar format,
    "Encapsulated message format" and "Compression").
    """
    head = message.metadata.to_pybytes() if message.metadata is not None else b""
    if message.type not in ("record batch", "dictionary") or message.body is None:
        return 0
    table = _Table(head, struct.unpack_from("<I", head, 0)[0]).table(2)
    batch = table if message.type == "record batch" else table.table(1)
    if not batch.has(3):
        return int(message.body.size)
    sizes = 0
    for start, length in batch.pairs(2):
        if 8 <= length <= message.body.size - start:
            sizes += max(length, struct.unpack("<q", message.body.slice(start, 8).to_pybytes())[0])
    return sizes


class _Table:
    """A table of the FlatBuffers format, as far as it is needed."""

    def __init__(self, content: bytes, at: int) -> None:
        self.content, self.at = content, at
        self.fields = at - struct.unpack_from("<i", content, at)[0]

    def has(self, number: int) -> int:
        """The place of a field in the table; 0 if it is not there."""
        if 4 + 2 * number >= struct.unpack_from("<H", self.content, self.fields)[0]:
            return 0
        return int(struct.unpack_from("<H", self.content, self.fields + 4 + 2 * number)[0])

    def _target(self, number: int) -> int:
        at = self.at + self.has(number)
        return int(at + struct.unpack_from("<I", self.content, at)[0])

    def table(self, number: int) -> _Table:
        """A field that is a table."""
        return _Table(self.content, self._target(number))

    def pairs(self, number: int) -> list[tuple[int, int]]:
        """A field that is a list of two 64-bit numbers each."""
        at = self._target(number)
        count = struct.unpack_from("<I", self.content, at)[0]
        return [struct.unpack_from("<qq", self.content, at + 4 + 16 * each) for each in range(count)]
