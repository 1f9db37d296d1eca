"""The builder ``sources``: log-probabilities per token of responses under other models, each with its own tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from penchant.curation.builder import Builder, Progress
from penchant.curation.kept import KeptScores
from penchant.curation.rows import Built, as_row, responded
from penchant.errors import ConfigurationError
from penchant.evaluation.rows import ScoredRows
from penchant.evaluation.scoring import score
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Record, Source
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["SourceLikelihoods", "source_likelihoods"]

#: Called with the model, the number of records done and the total.
ModelProgress = Callable[[str, int, int], None]


class SourceLikelihoods(Builder):
    """Each response's log-probability per token under other models, each with its own tokenizer.

    For InfiFPO (2025):   a_M(y) = log M(y|x) / |y|_M,   with the length in M's own tokens (nats per token)

    A demonstration has the numbers of its completion alone, as ``chosen_sources``, for PoFT. A record that does not fit
    one of the models is dropped and counted.

    Raises:
        ConfigurationError: there is no source, or a source is repeated.

    Example:
        >>> SourceLikelihoods(source=[])
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: No source model is named. Give one --source or more.

    Reference:
        InfiFPO: Implicit Model Fusion via Preference Optimization in Large Language Models (2025), arXiv:2505.13878.
    """

    id = "sources"
    writes = ("chosen_sources", "rejected_sources", "chosen_initial", "rejected_initial")

    source: Annotated[list[str], "folder or hub id of a source model; repeat for several"]
    initial: Annotated[str | None, "folder or hub id of the policy's initial model, scored as well"] = None
    chat_template: Annotated[str | None, "template: plain, chatml, or a Jinja file; default: the tokenizer's"] = None
    max_length: Annotated[int | None, "maximum tokens, for every model"] = None
    truncation: Annotated[Literal["prompt_left", "response_right", "drop", "error"], "how to handle longer records"] = (
        "drop"
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if not self.source:
            raise ConfigurationError("No source model is named.", fix="Give one --source or more.")
        if len(set(self.source)) != len(self.source):
            raise ConfigurationError("A source model is named twice.", fix="Name each one once.")

    def build(self, records: Iterable[Record]) -> Built:
        """Build the records with N numbers per response in the order of the sources, and those of the initial model."""
        return self._build(records, None, None)

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Build resumably: the scores of finished models are stored."""

        def advance(model: str, done: int, total: int) -> None:
            progress(self.models.index(model) * total + done, len(self.models) * total, model)

        return self._build(records, keep, advance)

    @property
    def models(self) -> list[str]:
        """All distinct models: the sources, then the initial model."""
        return list(dict.fromkeys([*self.source, *([] if self.initial is None else [self.initial])]))

    def _build(self, records: Iterable[Record], keep: Path | None, progress: ModelProgress | None) -> Built:
        answered = responded(records, self.id)
        feedback = Feedback(_with_distinct_sources(answered), kind=answered[0].kind if answered else "comparison")
        options = {name: getattr(self, name) for name in ("chat_template", "max_length", "truncation")}
        kept = KeptScores(keep, feedback, options)
        for name in self.models:
            # Find a missing tokenizer of the last model before hours of work on the first one.
            load_tokenizer(name)
        for name in self.models:
            if kept.get(name) is None:
                advance = None if progress is None else partial(progress, name)
                kept.put(name, score(name, feedback, progress=advance, **options))
        return _built(feedback, {name: _by_source(kept.get(name)) for name in self.models}, self.source, self.initial)


def source_likelihoods(
    records: Iterable[Record], sources: Sequence[str | Path], *, initial: str | Path | None = None, **settings: Any
) -> Built:
    """`SourceLikelihoods` in one call.

    Args:
        records: comparisons, or demonstrations.
        sources: N ≥ 1 folders or hub ids of source models.
        initial: folder or hub id of the policy's initial model.
        settings: other settings of `SourceLikelihoods`.

    Example:
        >>> source_likelihoods([], ["models/a", "models/a"])
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: A source model is named twice. Name each one once.
    """
    own = None if initial is None else str(initial)
    return SourceLikelihoods(source=[str(each) for each in sources], initial=own, **settings).build(records)


def _with_distinct_sources(pairs: Sequence[Record]) -> list[Record]:
    """The records with distinct sources, which match results to records, because some records may be dropped."""
    if len({str(record.source) for record in pairs}) == len(pairs):
        return list(pairs)
    return [replace(record, source=Source(str(record.source), place)) for place, record in enumerate(pairs, start=1)]


def _by_source(scored: ScoredRows | None) -> dict[str, list[float]]:
    assert scored is not None
    return {row["source"]: [each["mean_logp"] for each in row["responses"]] for row in scored.rows}


def _built(
    pairs: Sequence[Record],
    known: dict[str, dict[str, list[float]]],
    names: Sequence[str],
    initial: str | None,
) -> Built:
    built = Built([], {"records read": len(pairs), "source models": len(names)})
    for record in pairs:
        key = str(record.source)
        if not all(key in table for table in known.values()):
            built.count("dropped: does not fit every model")
            continue
        row = as_row(record)
        for at, side in zip(range(len(record.responses)), ("chosen", "rejected"), strict=False):
            row[f"{side}_sources"] = [known[name][key][at] for name in names]
            if initial is not None:
                row[f"{side}_initial"] = known[initial][key][at]
        built.rows.append(row)
    built.count("rows with likelihoods", len(built.rows))
    return built
