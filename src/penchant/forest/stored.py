"""`StoredExamples`, text examples in Arrow files that are mapped into memory, and the writer of such a file."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from penchant.feedback.records import Source
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence

__all__ = ["ExampleWriter", "StoredExamples"]

#: Examples that are written at once.
ROWS = 256
#: Examples after whose reading the system may take back the pages of the files.
READ = 16_384


class ExampleWriter:
    """Writes text examples to an Arrow file; each prompt of an example is written once.

    Args:
        path: the file.
        views: the views that an example may have.
    """

    def __init__(self, path: Path, views: Sequence[str]) -> None:
        import pyarrow as arrow

        tokens = arrow.list_(arrow.list_(arrow.int32()))
        self.schema = arrow.schema(
            {
                # For each view, its number of sequences; −1 where the example lacks the view.
                "counts": arrow.list_(arrow.int32()),
                "prompts": tokens,
                "prompt_of": arrow.list_(arrow.int32()),
                "responses": tokens,
                "learned": arrow.list_(arrow.list_(arrow.bool_())),
                "fields": arrow.string(),
                "weight": arrow.float64(),
                "file": arrow.string(),
                "line": arrow.int64(),
                "size": arrow.int64(),
            },
            metadata={"views": json.dumps(list(views))},
        )
        self.views = tuple(views)
        self.rows: list[dict[str, Any]] = []
        self.written = arrow.ipc.new_file(str(path), self.schema)

    def add(self, example: Example) -> None:
        """Write one example."""
        prompts: list[Sequence[int]] = []
        prompt_of: list[int] = []
        found = [example.views.get(name) for name in self.views]
        sequences = [sequence for view in found for sequence in view or ()]
        for sequence in sequences:
            if sequence.prompt not in prompts:
                prompts.append(sequence.prompt)
            prompt_of.append(prompts.index(sequence.prompt))
        self.rows.append(
            {
                "counts": [-1 if view is None else len(view) for view in found],
                "prompts": prompts,
                "prompt_of": prompt_of,
                "responses": [sequence.response for sequence in sequences],
                "learned": [sequence.learned for sequence in sequences],
                "fields": json.dumps(example.fields),
                "weight": example.weight,
                "file": example.source.file,
                "line": example.source.line,
                "size": example.size,
            }
        )
        if len(self.rows) >= ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self._write()
        self.written.close()

    def _write(self) -> None:
        import pyarrow as arrow

        if self.rows:
            self.written.write_batch(arrow.RecordBatch.from_pylist(self.rows, schema=self.schema))
            self.rows.clear()


class StoredExamples(Sequence[Example]):
    """Examples in files of `ExampleWriter`, one after another; memory holds sizes and weights alone.

    An example is read when it is asked for, and is equal to the one that was written. A pickled copy, as a process that
    was not forked gets it, holds the examples themselves.

    Args:
        paths: the files, which may be deleted afterwards where the system lets mapped files be deleted.

    Example:
        >>> import tempfile
        >>> example = Example({"chosen": [TokenSequence([5], [6, 7], (False, True))]}, {"margin": 0.1}, 1.0, Source())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     writer = ExampleWriter(Path(folder) / "tokens.arrow", ["chosen"])
        ...     writer.add(example)
        ...     writer.close()
        ...     stored = StoredExamples([Path(folder) / "tokens.arrow"])
        >>> len(stored), stored.sizes, stored[0] == example
        (1, [3], True)
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        import pyarrow as arrow

        self.maps = [_mapped(path) for path in paths]
        self.files = [arrow.ipc.open_file(arrow.py_buffer(each)) for each in self.maps]
        self.read = 0
        #: The file of each batch, and its number there.
        self.places: list[tuple[int, int]] = []
        rows: list[int] = []
        sizes, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.float64)]
        for number, path in enumerate(paths):
            for place, (size, weight) in enumerate(_numbers(path)):
                self.places.append((number, place))
                rows.append(len(size))
                sizes.append(size)
                weights.append(weight)
        self.ends = np.cumsum(rows, dtype=np.int64)
        self._sizes, self._weights = np.concatenate(sizes), np.concatenate(weights)

    def _batch(self, number: int, read: int = 1) -> tuple[Any, tuple[str, ...]]:
        """A batch, of which some examples are read, and the views that its file may have."""
        self.read += read
        if self.read >= READ and hasattr(mmap, "MADV_DONTNEED"):
            self.read = 0
            for each in self.maps:
                # Pages that were read count as memory of the process until the system needs them elsewhere.
                each.madvise(mmap.MADV_DONTNEED)
        file, place = self.places[number]
        opened = self.files[file]
        return opened.get_batch(place), tuple(json.loads(opened.schema.metadata[b"views"]))

    @property
    def sizes(self) -> list[int]:
        """The size of each example, see `Example.size`."""
        found: list[int] = self._sizes.tolist()
        return found

    @property
    def weights(self) -> list[float]:
        """The weight of each example."""
        found: list[float] = self._weights.tolist()
        return found

    def size(self, index: int) -> int:
        """The size of one example."""
        return int(self._sizes[index])

    def __len__(self) -> int:
        return len(self._sizes)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        number = int(np.searchsorted(self.ends, place, side="right"))
        batch, views = self._batch(number)
        return _example(batch, place - int(self.ends[number]) + batch.num_rows, views)

    def __iter__(self) -> Iterator[Example]:
        for number in range(len(self.places)):
            batch, views = self._batch(number, ROWS)
            yield from (_example(batch, row, views) for row in range(batch.num_rows))

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _numbers(path: Path) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Sizes and weights, batch by batch; read instead of mapped, which would count the whole file as memory."""
    import pyarrow as arrow

    with arrow.OSFile(str(path)) as file:
        names = arrow.ipc.open_file(file).schema.names
        columns = [names.index("weight"), names.index("size")]
        opened = arrow.ipc.open_file(file, options=arrow.ipc.IpcReadOptions(included_fields=columns))
        for place in range(opened.num_record_batches):
            batch = opened.get_batch(place)
            yield batch.column("size").to_numpy().copy(), batch.column("weight").to_numpy().copy()


def _example(batch: Any, row: int, views: Sequence[str]) -> Example:
    prompts = _tokens(batch, "prompts", row)
    learned = (None if each is None else tuple(each) for each in batch.column("learned")[row].as_py())
    found = zip(batch.column("prompt_of")[row].as_py(), _tokens(batch, "responses", row), learned, strict=True)
    sequences = (TokenSequence(prompts[prompt], response, mask) for prompt, response, mask in found)
    counts = zip(views, batch.column("counts")[row].as_py(), strict=True)
    return Example(
        {name: [next(sequences) for _ in range(count)] for name, count in counts if count >= 0},
        json.loads(batch.column("fields")[row].as_py()),
        batch.column("weight")[row].as_py(),
        Source(batch.column("file")[row].as_py(), batch.column("line")[row].as_py()),
    )


def _tokens(batch: Any, column: str, row: int) -> list[list[int]]:
    return [each.values.to_numpy().tolist() for each in batch.column(column)[row].values]
