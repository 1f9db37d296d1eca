"""`Feedback`, a sequence of records of one kind with its fingerprint and the bad records that were skipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any, overload

from penchant.errors import DataError
from penchant.feedback.kept import kept
from penchant.feedback.records import Record

__all__ = ["Feedback", "Origin"]


def _content(record: Record) -> dict[str, Any]:
    """All content of a record, without its source."""
    values = {entry.name: getattr(record, entry.name) for entry in dataclass_fields(record) if entry.name != "source"}
    # Left out where a record has none: data without tools keep the fingerprint that they had before tools were read.
    for name in ("tools", "template_arguments"):
        if not values[name]:
            del values[name]
    return {"kind": record.kind, **values}


@dataclass(frozen=True)
class Origin:
    """How records were read, for advice about what was not used.

    Args:
        columns: the columns of the rows.
        mapping: what the user mapped.
        kind: the kind of feedback that the user named, or None.
        left_out: what the layout left out, with its number of times; empty if nothing was.
    """

    columns: tuple[str, ...] = ()
    mapping: dict[str, str] = field(default_factory=dict)
    kind: str | None = None
    left_out: str = ""


class Feedback(Sequence[Record]):
    """Records of one kind, in order, with the errors of bad records that were skipped.

    Args:
        records: the records.
        kind: comparison, joint comparison, judgement, ranking, demonstration or prompt.
        name: name of the set, usually the file name.
        bad: the error of each record that was skipped.
        origin: how the records were read.
        ties: number of comparisons without a preference that were left out.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> prompts = Feedback([Prompt(prompt="Hi"), Prompt(prompt="Bye")], kind="prompt", name="greetings")
        >>> len(prompts), len(prompts[:1]), len(prompts.fingerprint)
        (2, 1, 64)
    """

    #: The layout that was recognised and converted, in one line; empty if the rows had our fields.
    layout = ""

    def __init__(
        self,
        records: Sequence[Record],
        *,
        kind: str,
        name: str = "memory",
        bad: Sequence[DataError] = (),
        origin: Origin | None = None,
        ties: int = 0,
    ) -> None:
        #: A list, or on disk if they are many.
        self.records: Sequence[Record] = kept(records)
        self.kind, self.name, self.bad = kind, name, list(bad)
        self.origin, self.ties = origin or Origin(), ties

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Feedback: ...
    def __getitem__(self, index: int | slice) -> Record | Feedback:
        if isinstance(index, slice):
            return self.part(self.records[index], self.bad)
        return self.records[index]

    def part(self, records: Sequence[Record], bad: Sequence[DataError] = (), ties: int = 0) -> Feedback:
        """Some of the records, under the same name.

        Args:
            records: the records to keep.
            bad: the errors of bad records that go with them.
            ties: the number of ties that were left out beside them.
        """
        return Feedback(records, kind=self.kind, name=self.name, bad=bad, origin=self.origin, ties=ties)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __repr__(self) -> str:
        return f"Feedback({self.name!r}, {len(self)} records of kind {self.kind!r}, {len(self.bad)} bad)"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the records' content; it does not depend on the file format."""
        digest = hashlib.sha256()
        for record in self.records:
            line = json.dumps(_content(record), sort_keys=True, ensure_ascii=False, default=str)
            digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
        return digest.hexdigest()
