"""Encoding of a run's feedback; with named sources, each source supplies its own views."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.sources import Sources, parts_of
from penchant.feedback.views.view import find_view
from penchant.forest.example import EncodedData
from penchant.forest.large import encode_large, is_large
from penchant.forest.record_encoder import RecordEncoder
from penchant.forest.recycling import Mixture
from penchant.forest.supply import Supply
from penchant.forest.token_cache import encode_cached
from penchant.objectives.core.objective import Objective
from penchant.training.progress import ProgressReporter

__all__ = ["check_sources", "encode", "mixture_of"]


class Share(NamedTuple):
    """The views and fields that an encoder builds from one source."""

    views: tuple[str, ...]
    fields: tuple[str, ...]


def _shares(views: tuple[str, ...], fields: tuple[str, ...], names: list[str]) -> dict[str, Share]:
    """The views and fields by source: a source supplies its own views, the first source all others and the fields."""
    shares = {name: Share(tuple(each for each in views if find_view(each).source == name), ()) for name in names}
    other = tuple(each for each in views if find_view(each).source is None)
    shares[names[0]] = Share(shares[names[0]].views + other, fields)
    return shares


def check_sources(objective: Objective, sets: Mapping[str, Feedback]) -> None:
    """Refuse data without a source that the objective needs, or with one that it does not use.

    Args:
        objective: its views name their sources.
        sets: the feedback to train on and the feedback to measure on, by their keys in the recipe.

    Raises:
        ConfigurationError: a source is missing or superfluous.
    """
    wanted = objective.requirements
    asked = {name: source for name in wanted.views if (source := find_view(name).source) is not None}
    required = {name: source for name, source in asked.items() if name not in wanted.optional}
    for key, feedback in sets.items():
        named = list(feedback.parts) if isinstance(feedback, Sources) and feedback.weights is None else []
        written = ", ".join(f"{source}: PATH" for source in dict.fromkeys(asked.values()))
        lacking = next((name for name, source in required.items() if source not in named), None)
        if lacking is not None:
            found = f"the sources {', '.join(map(repr, named))}" if named else f"no named source ({feedback.name})"
            raise ConfigurationError(
                f"The objective {objective.id} needs the view {lacking!r} from the source {required[lacking]!r}; "
                f"the data have {found}.",
                where=key,
                fix=f"Name the sources: {key}: {{{written}}}.",
            )
        shares = _shares(wanted.views, wanted.fields, named) if named else {}
        idle = next((name for name, share in shares.items() if not share.views), None)
        if idle is not None:
            expected = f"the sources {', '.join(map(repr, required.values()))}" if required else "no named source"
            raise ConfigurationError(
                f"The data have a source {idle!r}, which the objective {objective.id} does not use; it takes "
                f"{expected}.",
                where=key,
                fix=f"Remove it, or mix files in a ratio: {key}: [{{path: PATH, weight: NUMBER}}, ...].",
            )


def encode(
    encoder: RecordEncoder,
    feedback: Feedback,
    title: str,
    limit: int | None,
    reporter: ProgressReporter,
    cache: Path | None = None,
) -> EncodedData:
    """Encode the feedback of a run.

    Args:
        encoder: builds the views and fields of the objective.
        feedback: one set of records, named sources, or a mixture.
        title: of the progress bar.
        limit: maximum tokens of a sequence, for the message.
        reporter: shows progress and truncation.
        cache: folder in which the tokens of large data are kept for later runs.

    Returns:
        The encoded data; ``examples`` is a `Supply`.

    Raises:
        DataError: a record lacks what the objective needs, or no record of a source can be used.
    """
    views = (*encoder.views, *encoder.crossed)
    if not isinstance(feedback, Sources) or feedback.weights is not None:
        own = encoder.only(*_shares(views, encoder.fields, [""])[""])
        encoded = _encode(own, feedback, title, limit, reporter, cache)
        encoded.examples = Supply(encoded.examples, encoder=own)
        return encoded
    shares = _shares(views, encoder.fields, list(feedback.parts))
    parts: dict[str, EncodedData] = {}
    for name, part in parts_of(feedback).items():
        own = encoder.only(*shares[name])
        try:
            parts[name] = _encode(own, part, f"{title} ({name})", limit, reporter, cache)
        except DataError as error:
            raise DataError(
                f"In the source {name!r}: {error.what}", where=error.where, why=error.why, fix=error.fix
            ) from error
    first, *others = parts
    supply = Supply(
        parts[first].examples, {name: parts[name].examples for name in others}, encoder.only(*shares[first])
    )
    cut = parts[first].cut
    for name in others:
        cut = cut + parts[name].cut
    return EncodedData(supply, cut, parts[first].records)


def mixture_of(feedback: Feedback, encoded: EncodedData) -> Mixture | None:
    """The mixture of the encoded examples; None if the feedback is not a mixture.

    Args:
        feedback: what was encoded.
        encoded: its examples.

    Raises:
        DataError: no record of a file can be used.
    """
    if not isinstance(feedback, Sources) or feedback.weights is None:
        return None
    ends = list(accumulate(len(part) for part in feedback.parts.values()))
    places = [0, *(bisect_left(encoded.records, end) for end in ends)]
    counts = tuple(end - start for start, end in pairwise(places))
    for name, count in zip(feedback.parts, counts, strict=True):
        if not count:
            raise DataError(f"None of the {len(feedback.parts[name])} records can be used.", where=name)
    return Mixture(counts, feedback.weights)


def _encode(
    encoder: RecordEncoder,
    feedback: Feedback,
    title: str,
    limit: int | None,
    reporter: ProgressReporter,
    cache: Path | None,
) -> EncodedData:
    total = len(feedback)
    with reporter.bar(title, total):
        every, shown = max(1, total // 100), 0

        def advance(done: int) -> None:
            nonlocal shown
            if done - shown >= every or done == total:
                shown = done
                reporter.advance(done, total)

        try:
            if not is_large(encoder, total):
                encoded = encoder.encode(feedback.records, advance)
            elif cache is None:
                encoded = encode_large(encoder, feedback.records, advance)
            else:
                encoded = encode_cached(encoder, feedback, cache, advance)
        except DataError as error:
            # What concerns all records names no line, and a run reads several files.
            raise DataError(error.what, where=error.where or feedback.name, why=error.why, fix=error.fix) from error
    cut = encoded.cut
    if cut.refused:
        reporter.warn(
            f"{len(cut.refused)} records of {feedback.name} cannot be used and were skipped; the first: "
            f"{cut.refused[0]}"
        )
    for note in encoded.notes:
        reporter.warn(f"{feedback.name}: {note}")
    if cut.dropped or cut.response_cut or (cut.prompt_cut and not encoded.notes):
        reasons = ", ".join(f"{count} {reason}" for reason, count in cut.dropped_because.items())
        reporter.warn(
            f"{feedback.name}: {cut.kept} of {total} records are used, up to {limit} tokens of each; dropped: "
            f"{reasons or 'none'}; prompts cut: {cut.prompt_cut}; responses cut: {cut.response_cut} (end token lost in "
            f"{cut.end_token_lost})."
        )
    return encoded
