"""Encoding of large data: by several processes where the system can fork, with the tokens on disk."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from penchant.feedback.kept import LARGE  # from so many on, tokens are kept on disk too
from penchant.feedback.records import Record
from penchant.forest.example import EncodedData, Example, require_same_fields
from penchant.forest.record_encoder import RecordEncoder
from penchant.forest.stored import ExampleWriter, StoredExamples
from penchant.rendering.truncation import CutTable

__all__ = ["LARGE", "encode_large", "is_large", "workers_for"]

log = logging.getLogger("penchant")

#: Records that are worth a process of their own.
SHARE = 10_000
#: Records after which a process reports.
EVERY = 200


@dataclass
class _Part:
    """What one process makes of its records: counts, the numbers of the used records, and the first example."""

    path: Path
    start: int
    stop: int
    cut: CutTable = field(default_factory=CutTable)
    records: list[int] = field(default_factory=list)
    first: Example | None = None

    def encode(self, encoder: RecordEncoder, records: Sequence[Record], progress: Callable[[int], None]) -> None:
        """Encode the records of this part into its file."""
        writer = ExampleWriter(self.path, encoder.views)
        own = (records[place] for place in range(self.start, self.stop))
        for number, example in encoder.each(own, self.cut, first=self.start, progress=progress):
            if self.first is None:
                self.first = example
            require_same_fields(example, self.first)
            writer.add(example)
            self.records.append(number)
        writer.close()


def workers_for(count: int) -> int:
    """Number of processes that encode so many records: one for each free core, where that pays.

    Args:
        count: number of records.

    Example:
        >>> workers_for(100)
        1
    """
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform.startswith("linux")
    if not forks or multiprocessing.current_process().daemon:
        return 1
    cores = len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    return max(1, min(cores, count // SHARE))


def is_large(encoder: RecordEncoder, count: int) -> bool:
    """Whether the tokens of so many records are kept on disk.

    Args:
        encoder: encodes them.
        count: number of records.
    """
    return encoder.on_disk and count >= LARGE


def encode_large(
    encoder: RecordEncoder,
    records: Sequence[Record],
    progress: Callable[[int], None] | None = None,
    workers: int | None = None,
    folder: Path | None = None,
) -> EncodedData:
    """Encode records as `RecordEncoder.encode` does, with the tokens on disk instead of in memory.

    Without a folder the files lie in that for temporary files (``TMPDIR``). They are gone when the process ends,
    however it ends, where the system lets a mapped file be deleted.

    Args:
        encoder: an encoder of text.
        records: the feedback.
        progress: called with the number of encoded records.
        workers: number of processes; None for `workers_for`.
        folder: where the files ``tokens-NUMBER.arrow`` stay.

    Returns:
        The same counts and examples, which are `StoredExamples`.

    Raises:
        DataError: as for `RecordEncoder.encode`.
    """
    total, workers = len(records), workers_for(len(records)) if workers is None else workers
    with tempfile.TemporaryDirectory(prefix="penchant-", ignore_cleanup_errors=True) as temporary:
        bounds = [total * number // workers for number in range(workers + 1)]
        # The width of the number keeps the order of names that of the parts.
        paths = [Path(folder or temporary) / f"tokens-{number:04}.arrow" for number in range(workers)]
        parts = [_Part(path, bounds[number], bounds[number + 1]) for number, path in enumerate(paths)]
        if workers == 1:
            parts[0].encode(encoder, records, progress or _silent)
        else:
            parts = _Forked(encoder, records, parts, progress or _silent).run()
        examples = StoredExamples([part.path for part in parts])
    data = EncodedData(examples, CutTable(), [number for part in parts for number in part.records])
    for part in parts:
        data.cut = data.cut + part.cut
    encoder.require_some(len(examples), total, data.cut)
    firsts = [part.first for part in parts if part.first is not None]
    for first in firsts[1:]:
        require_same_fields(first, firsts[0])
    return data


class _Forked:
    """Parts that are encoded by processes of their own; the error of the earliest part is raised."""

    def __init__(
        self,
        encoder: RecordEncoder,
        records: Sequence[Record],
        parts: list[_Part],
        progress: Callable[[int], None],
    ) -> None:
        self.encoder, self.records, self.parts, self.progress = encoder, records, parts, progress
        self.done = [0] * len(parts)
        self.errors: dict[int, BaseException] = {}

    def run(self) -> list[_Part]:
        """The finished parts."""
        context = multiprocessing.get_context("fork")
        pipes = [context.Pipe(duplex=False) for _ in self.parts]
        processes = [
            context.Process(target=self._work, args=(number, pipes), daemon=True) for number in range(len(self.parts))
        ]
        try:
            for process in processes:
                process.start()
            for _, sending in pipes:
                sending.close()
            self._listen({receiving: number for number, (receiving, _) in enumerate(pipes)})
        finally:
            for process in processes:
                if process.pid is not None:
                    process.terminate()
                    process.join()
            for receiving, _ in pipes:
                receiving.close()
        if self.errors:
            raise self.errors[min(self.errors)]
        return self.parts

    def _listen(self, waiting: dict[Connection, int]) -> None:
        """Take what the processes report, until no earlier part can fail."""
        while waiting:
            ready = wait(list(waiting))
            for connection in [each for each in waiting if each in ready]:
                number, found = waiting[connection], self._received(connection, waiting[connection])
                if isinstance(found, int):
                    self.done[number] = found
                    self.progress(sum(self.done))
                    continue
                del waiting[connection]
                if isinstance(found, BaseException):
                    self.errors[number] = found
                else:
                    self.parts[number] = found
            if self.errors:
                waiting = {each: number for each, number in waiting.items() if number < min(self.errors)}

    def _received(self, connection: Connection, number: int) -> int | BaseException | _Part:
        """The next word of a process: how many records are done, its error, or its part."""
        try:
            found: int | BaseException | _Part = connection.recv()
        except (EOFError, OSError):
            return self._again(number)
        return found

    def _again(self, number: int) -> _Part | BaseException:
        """Encode a part here, whose process ended without a word (the system ends one where memory is short)."""
        log.warning("A process that encodes the data died; its records are encoded again by this one.")
        part = _Part(self.parts[number].path, self.parts[number].start, self.parts[number].stop)
        try:
            part.encode(self.encoder, self.records, _silent)
        except Exception as error:
            return error
        return part

    def _work(self, number: int, pipes: list[tuple[Connection, Connection]]) -> None:
        """In the process of a part: encode it, and send what came of it."""
        # The one who started this process answers Ctrl-C; without it, writing to the pipe ends this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        gc.freeze()  # a collection would walk over all records, and so copy their pages into this process
        for place, (receiving, sending) in enumerate(pipes):
            receiving.close()
            if place != number:
                sending.close()
        sending, part = pipes[number][1], self.parts[number]

        def advance(done: int) -> None:
            if done % EVERY == 0:
                sending.send(done)

        result: Any = part
        try:
            part.encode(self.encoder, self.records, advance)
        except BrokenPipeError:
            return
        except Exception as error:
            result = _sendable(error)
        with suppress(BrokenPipeError):
            sending.send(result)


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _silent(done: int) -> None:
    return
