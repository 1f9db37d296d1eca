"""What other models think of each response: likelihoods per token of any models, each with its own tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from penchant.curation.kept import KeptScores
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import ConfigurationError
from penchant.evaluation.rows import ScoredRows
from penchant.evaluation.scoring import score
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Comparison, Record, Source
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["source_likelihoods"]

Progress = Callable[[str, int, int], None]


def source_likelihoods(
    records: Iterable[Record],
    sources: Sequence[str | Path],
    *,
    initial: str | Path | None = None,
    keep: Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Built:
    """Likelihoods under source models, for InfiFPO (2025).

    a_M(y) = log M(y|x) / |y|_M,   with the length in M's own tokens (nats a token)

    Args:
        records: comparisons.
        sources: N ≥ 1 folders or hub ids of source models.
        initial: folder or hub id of the policy's own first state, whose likelihoods bound the sources'.
        keep: a file for the results of models that are done, so that a stopped run goes on with the next one; the
            caller removes it when the rows are safe.
        progress: called with the model, records done and records in all.
        **options: as for `score`: ``chat_template``, ``max_length``, ``truncation``.

    Returns:
        The records with ``chosen_sources`` and ``rejected_sources``, N numbers each in the order of the sources, and
        with ``chosen_initial`` and ``rejected_initial`` where asked for. A record that does not fit one of the models
        is left out and counted.

    Raises:
        ConfigurationError: no source is named, or one is named twice.
        ModelError: a model or tokenizer cannot be loaded.

    Example:
        >>> source_likelihoods([], [])
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: No source model is named. Give one --source or more.

    Reference:
        InfiFPO: Implicit Model Fusion via Preference Optimization in Large Language Models (2025), arXiv:2505.13878.
    """
    names = [str(each) for each in sources]
    if not names:
        raise ConfigurationError("No source model is named.", fix="Give one --source or more.")
    if len(set(names)) != len(names):
        raise ConfigurationError("A source model is named twice.", fix="Name each one once.")
    every = list(dict.fromkeys([*names, *([] if initial is None else [str(initial)])]))
    feedback = Feedback(_told_apart(comparisons(records, "sources")), kind="comparison")
    kept = KeptScores(keep, feedback, options)
    for name in every:
        # The last model's missing tokenizer must not be found out after hours of the first one's work.
        load_tokenizer(name)
    for name in every:
        if kept.get(name) is None:
            told = None if progress is None else partial(progress, name)
            kept.put(name, score(name, feedback, progress=told, **options))
    return _built(feedback, {name: _by_source(kept.get(name)) for name in every}, names, initial)


def _told_apart(pairs: Sequence[Comparison]) -> list[Comparison]:
    """The records, each with a source of its own: results are found by it, since some records may not fit."""
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
    initial: str | Path | None,
) -> Built:
    built = Built([], {"records read": len(pairs), "source models": len(names)})
    for record in pairs:
        key = str(record.source)
        if not all(key in table for table in known.values()):
            built.count("dropped: does not fit every model")
            continue
        row = as_row(record)
        for at, side in enumerate(("chosen", "rejected")):
            row[f"{side}_sources"] = [known[name][key][at] for name in names]
            if initial is not None:
                row[f"{side}_initial"] = known[str(initial)][key][at]
        built.rows.append(row)
    built.count("rows with likelihoods", len(built.rows))
    return built
