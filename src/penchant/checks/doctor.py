"""The doctor: all checks of a set of feedback, run before training and by ``penchant data check``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from penchant.checks import duplicates, labels, pictures, template_checks, unused
from penchant.checks.diagnosis import Check, Diagnosis, Verdict, share, summary_of_lengths
from penchant.checks.words import count_words
from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.images import Image
from penchant.feedback.records import Comparison, Record, as_text
from penchant.rendering.renderer import Renderer, ResponseTokens
from penchant.rendering.truncation import CutTable, Policy, Truncation

__all__ = ["examine"]

Tokens = tuple[list[int], list[ResponseTokens]]


def examine(
    feedback: Feedback,
    renderer: Renderer | None,
    *,
    max_length: int | None = None,
    policy: Policy = "prompt_left",
    other: Feedback | None = None,
    on_bad: str = "stop",
) -> Diagnosis:
    """Check feedback for problems that make training wrong or its results doubtful.

    Args:
        feedback: the records.
        renderer: turns the records into tokens; None counts lengths in words and skips the checks of tokens.
        max_length: maximum number of tokens of prompt and response, to report what truncation would cut.
        policy: the truncation policy.
        other: another split, to find shared prompts; if absent, the records' field ``split`` defines the splits.
        on_bad: with ``skip``, records that cannot be rendered are a warning, since training leaves them out.

    Returns:
        The checks, and the lengths of prompts and responses.

    Raises:
        ModelError: the records are messages and the tokenizer has no chat template.

    Example:
        >>> from penchant.feedback.reading import read
        >>> pairs = [{"prompt": "Hi", "chosen": "Hello!", "rejected": "No."}] * 2
        >>> [check.value for check in examine(read(pairs), None).checks if check.name == "exact duplicates"]
        ['1 (50.0 %)']
    """
    if not len(feedback):
        return Diagnosis([Check("records", "0", "error", "The data has no records.")])
    records, tokens, refused = _rendered(feedback.records, renderer)
    lengths = [(len(prompt), *(answer.length for answer in answers)) for prompt, answers in tokens]
    lengths = lengths if renderer else _words(records)
    checks = [*_counts(feedback), *unused.unused_columns(feedback), *_refused(refused, len(feedback), on_bad)]
    shown = pictures.examine_pictures(feedback.records)
    checks += [*_of_records(feedback, other), *shown]
    if records and not shown:
        checks += labels.length_bias(records, [own[1:] for own in lengths])
    if renderer is not None and records:
        checks += template_checks.examine_tokens(records, tokens, renderer)
        checks += _truncation(tokens, renderer, max_length, policy)
    return Diagnosis(checks, _length_table(records, lengths), "tokens" if renderer else "words")


def _refused(refused: Sequence[DataError], total: int, on_bad: str) -> list[Check]:
    if not refused:
        return []
    skipped = on_bad == "skip" and len(refused) < total
    places = "; ".join(str(error) for error in refused[:2])
    detail = f"Skipped. The first: {refused[0]}" if skipped else places
    verdict: Verdict = "warning" if skipped else "error"
    return [Check("records that cannot be rendered", share(len(refused), total), verdict, detail)]


def _of_records(feedback: Feedback, other: Feedback | None) -> list[Check]:
    """The checks that need no tokens."""
    records = feedback.records
    repeated, distinct = duplicates.duplicates(records)
    checks = [labels.responses_check(records), repeated, duplicates.near_duplicates(distinct)]
    checks.append(duplicates.contradictions(records))
    parts = _parts(feedback, other)
    if len(parts) > 1:
        checks.append(duplicates.leaks(parts))
    checks += [*labels.balance(records), *labels.prompt_overlap(records)]
    return [*checks, *labels.agreement(records)]


def _counts(feedback: Feedback) -> list[Check]:
    splits = Counter(str(record.fields["split"]) for record in feedback if "split" in record.fields)
    by_split = f" ({', '.join(f'{name} {count}' for name, count in sorted(splits.items()))})" if splits else ""
    prompts = len({duplicates.content_key(record.prompt) for record in feedback})
    extras = sorted({name for record in feedback for name in record.fields} - {"split"})
    detail = f"Further fields: {', '.join(extras)}." if extras else ""
    checks = [
        Check("records", f"{len(feedback)} of kind {feedback.kind}{by_split}", "ok", detail),
        Check("distinct prompts", str(prompts)),
    ]
    if feedback.layout:
        name, _, says = feedback.layout.partition(": ")
        checks.append(Check("layout", name, "ok", f"{says}." if says else ""))
    if feedback.bad:
        total = len(feedback) + len(feedback.bad)
        detail = f"Skipped. The first: {feedback.bad[0]}"
        checks.append(Check("bad records", share(len(feedback.bad), total), "warning", detail))
    return checks


def _rendered(
    records: Sequence[Record], renderer: Renderer | None
) -> tuple[list[Record], list[Tokens], list[DataError]]:
    """The records that can be rendered, their tokens, and the errors of the others."""
    if renderer is None:
        return list(records), [], []
    good: list[Record] = []
    tokens: list[Tokens] = []
    refused: list[DataError] = []
    for record in records:
        try:
            tokens.append(renderer.render_tokens(record))
            good.append(record)
        except DataError as error:
            refused.append(error)
    return good, tokens, refused


def _words(records: Sequence[Record]) -> list[tuple[int, ...]]:
    """Words of prompt and responses; an image has none."""
    texts = ((record.prompt, *(each for each in record.responses if not isinstance(each, Image))) for record in records)
    return [tuple(count_words(as_text(text)) for text in each) for each in texts]


def _parts(feedback: Feedback, other: Feedback | None) -> dict[str, Sequence[Record]]:
    if other is not None:
        return {feedback.name: feedback.records, other.name if other.name != feedback.name else "other": other.records}
    parts: dict[str, list[Record]] = {}
    for record in feedback:
        if "split" in record.fields:
            parts.setdefault(str(record.fields["split"]), []).append(record)
    # Leaks are reported for all splits but the first, so the training split comes first.
    return dict(sorted(parts.items(), key=lambda part: (part[0] != "train", part[0])))


def _length_table(records: Sequence[Record], lengths: Sequence[Sequence[int]]) -> dict[str, dict[str, float]]:
    table: dict[str, list[int]] = {}
    for record, (prompt, *answers) in zip(records, lengths, strict=True):
        many = "completions" if record.kind == "ranking" else "completion"
        names = ("chosen", "rejected") if isinstance(record, Comparison) else (many,) * len(answers)
        table.setdefault("prompt", []).append(prompt)
        for name, length in zip(names, answers, strict=False):  # images have no length
            table.setdefault(name, []).append(length)
    return {name: summary_of_lengths(found) for name, found in table.items()}


def _truncation(tokens: Sequence[Tokens], renderer: Renderer, max_length: int | None, policy: Policy) -> list[Check]:
    if max_length is None:
        return _context(tokens, renderer)
    table = CutTable()
    # Training raises an error for these records; the check counts them.
    truncation = Truncation(max_length, "drop" if policy == "error" else policy)
    for prompt, answers in tokens:
        ids, masks = [answer.ids for answer in answers], [answer.learned for answer in answers]
        table.add(truncation.fit(prompt, ids, keep_first=renderer.keep_first(prompt), learned=masks))
    total = len(tokens)
    cut = max(table.prompt_cut, table.response_cut) + table.dropped
    verdict: Verdict = "error" if not table.kept else "warning" if cut > 0.1 * total else "note" if cut else "ok"
    detail = _cuts_in_words(table, total, policy) if cut else ""
    checks = [Check(f"truncated at {max_length} tokens", share(cut, total), verdict, detail)]
    same = table.identical_after_cut
    detail = "Identical responses carry no signal: raise the length, or use prompt_left." if same else ""
    checks.append(Check("identical after truncation", share(same, total), "warning" if same else "ok", detail))
    return checks


def _cuts_in_words(table: CutTable, total: int, policy: Policy) -> str:
    """The effects of truncation, in words."""
    changes = []
    if table.prompt_cut:
        changes.append(f"{share(table.prompt_cut, total)} prompts cut on the left")
    if table.response_cut:
        changes.append(f"{share(table.response_cut, total)} with cut responses, {table.end_token_lost} end tokens lost")
    for reason, count in table.dropped_because.items():
        changes.append(f"{share(count, total)} {'refused' if policy == 'error' else 'dropped'}: {reason}")
    return f"Policy {policy}: {'; '.join(changes)}."


def _context(tokens: Sequence[Tokens], renderer: Renderer) -> list[Check]:
    """The check against the tokenizer's ``model_max_length``, used if no length is given."""
    limit = getattr(renderer.tokenizer, "model_max_length", None)
    if not isinstance(limit, int) or limit > 10**7:
        return []
    long = sum(
        len(prompt) + max((len(answer.ids) for answer in answers), default=0) > limit for prompt, answers in tokens
    )
    detail = f"Set --max-length {limit} to see what truncation would cut." if long else ""
    value = share(long, len(tokens))
    return [Check(f"longer than the model's {limit} tokens", value, "warning" if long else "ok", detail)]
