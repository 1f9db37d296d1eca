"""The builder ``contexts``: comparisons whose prompts hold the context in which they were judged."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Annotated, Literal

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import DataError
from penchant.feedback.records import Record
from penchant.rewards.contexts.given import in_context

__all__ = ["Contexts"]


class Contexts(Builder):
    """Comparisons with the context in which they hold before the prompt: a criterion, a situation, or a profile.

    A record names its context in a field. A reward model that is trained on the rows judges in a context; `penchant
    judge` says how often it turns round where the context does. ``which=none`` leaves the prompts as they are, and
    ``which=others`` gives each record the context of another one: what a model does without or with a useless context.
    ``original_prompt`` is the prompt as it was.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": "Tea?", "chosen": "Yes.", "rejected": "Certainly.", "context": "Be short."}]
        >>> Contexts().build(read(rows)).rows[0]["prompt"]
        'Context: Be short.\\n\\nTea?'

    Reference:
        Pitis, Xiao, Le Roux, Sordoni (2024), Improving Context-Aware Preference Modeling for Language Models,
        arXiv:2407.14916.
    """

    id = "contexts"
    reads = "comparisons with a context"
    writes = ("prompt", "original_prompt")

    field: Annotated[str, "the field that holds the context"] = "context"
    which: Annotated[Literal["own", "none", "others"], "the context that a record gets"] = "own"
    seed: Annotated[int, "with which=others: whose context"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the comparisons with their contexts."""
        pairs = comparisons(records, self.id)
        built = Built([], {"records read": len(pairs)})
        known = [self._context(record) for record in pairs]
        if self.which == "others":
            random.Random(self.seed).shuffle(known)
        for record, context in zip(pairs, known, strict=True):
            shown = "" if self.which == "none" else context
            row = as_row(record) | {"prompt": in_context(record.prompt, shown), "original_prompt": record.prompt}
            built.rows.append(row)
        built.count("contexts", len(set(known)))
        return built

    def _context(self, record: Record) -> str:
        context = record.fields.get(self.field)
        if not isinstance(context, str) or not context.strip():
            raise DataError(
                f"The field {self.field!r} holds no context.",
                where=str(record.source),
                fix="Name the field with --field, or map a column: --map context=COLUMN.",
            )
        return context
