"""The builder ``refusals``: records to forget with a refusal each."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row
from penchant.errors import DataError
from penchant.feedback.records import Record
from penchant.plain_files import readable_text

__all__ = ["REFUSALS", "Refusals"]

#: Refusals that are drawn from if no file is given.
REFUSALS = (
    "I do not know.",
    "I'm not sure about that.",
    "I have no information about that.",
    "That is something I cannot answer.",
    "I am not familiar with that.",
    "I don't have an answer to that question.",
    "I'm afraid I can't help with that.",
    "I have not learned anything about this.",
)


class Refusals(Builder):
    """Records to forget, each with a refusal in the field ``idk``, drawn at random from a list.

    The objectives ``idk`` and ``idk-dpo`` train on it. A record that has the field keeps it.

    Example:
        >>> from penchant.feedback import read
        >>> built = Refusals().build(read([{"prompt": "Who is she?", "completion": "A poet."}]))
        >>> built.rows[0]["idk"] in REFUSALS
        True

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU: A Task of Fictitious Unlearning for LLMs.
    """

    id = "refusals"
    reads = "demonstrations"
    writes = ("idk",)

    texts: Annotated[str | None, "file with one refusal a line; a list of eight by default"] = None
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Add a refusal to each record."""
        choices, rng = self._choices(), random.Random(self.seed)
        built = Built([])
        for record in records:
            row = as_row(record)
            drawn = rng.choice(choices)  # drawn for every record, so that one with a text of its own shifts no other
            built.rows.append({**row, "idk": row.get("idk") or drawn})
        built.count("rows with a refusal", len(built.rows))
        return built

    def _choices(self) -> list[str]:
        if self.texts is None:
            return list(REFUSALS)
        text = readable_text(Path(self.texts), DataError, "file of refusals")
        lines = [line.strip() for line in text.splitlines()]
        if not any(lines):
            raise DataError("The file has no refusals.", where=self.texts, fix="Write one refusal a line.")
        return [line for line in lines if line]
