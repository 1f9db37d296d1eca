"""The doctor: all checks of a set of feedback, run before training and by ``penchant data check``."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

from penchant.checks import duplicates, labels, unused
from penchant.checks.diagnosis import Check, Diagnosis, Verdict, share, summary_of_lengths
from penchant.checks.near import Near
from penchant.checks.pictures import Pictures
from penchant.checks.template_checks import TemplateChecks
from penchant.checks.words import count_words
from penchant.checks.written import Written
from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.conversion.ties import is_tie
from penchant.feedback.images import Image
from penchant.feedback.kept import chosen
from penchant.feedback.records import Comparison, Record, as_text
from penchant.rendering.renderer import Renderer
from penchant.rendering.truncation import CutTable, Policy, Truncation

__all__ = ["LEFT_OUT", "examine"]

#: Name of the check that counts what the layout left out, which a run says before it starts.
LEFT_OUT = "left out of the rows"


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
    about, lengths = _OfRecords(feedback, other), _Lengths()
    tokens = None if renderer is None else _OfTokens(renderer, max_length, policy)
    refused: list[DataError] = []
    for at, record in enumerate(feedback.records):
        about.add(record, at)
        try:
            own = _words(record) if tokens is None else tokens.add(record)
        except DataError as error:
            refused.append(error.with_traceback(None))
            continue
        lengths.add(record, own)
    checks = [*about.counts(), *unused.unused_columns(feedback), *_refused(refused, len(feedback), on_bad)]
    shown = about.pictures.checks()
    checks += [*about.checks(), *shown]
    if not shown:
        checks += lengths.bias.checks()
    if tokens is not None and lengths.table:
        checks += tokens.checks()
    return Diagnosis(checks, lengths.summary(), "tokens" if renderer else "words")


def _refused(refused: Sequence[DataError], total: int, on_bad: str) -> list[Check]:
    if not refused:
        return []
    skipped = on_bad == "skip" and len(refused) < total
    places = "; ".join(str(error) for error in refused[:2])
    detail = f"Skipped. The first: {refused[0]}" if skipped else places
    verdict: Verdict = "warning" if skipped else "error"
    return [Check("records that cannot be rendered", share(len(refused), total), verdict, detail)]


class _OfRecords:
    """The checks that need no tokens."""

    def __init__(self, feedback: Feedback, other: Feedback | None) -> None:
        self.feedback, self.other = feedback, other
        self.splits: Counter[str] = Counter()
        self.places: dict[str, array[int]] = {}
        self.fields: set[str] = set()
        self.prompts, self.shared = array("q"), duplicates.Prompts()
        self.responses, self.repeats, self.near = labels.Responses(), duplicates.Repeats(), Near()
        self.opinions, self.balance, self.agreement = duplicates.Opinions(), labels.Balance(), labels.Agreement()
        self.overlap, self.written = labels.PromptOverlap(), Written()
        self.pictures = Pictures()
        self.ties = 0

    def add(self, record: Record, at: int) -> None:
        """Look at the record of an index."""
        self.prompts.append(hash(duplicates.content_key(record.prompt)))
        self.fields.update(record.fields)
        self.ties += is_tie(record)
        if self.other is not None:
            self.shared.add(self.feedback.name, record)
        if "split" in record.fields:
            split = str(record.fields["split"])
            self.splits[split] += 1
            if self.other is None:
                self.shared.add(split, record)
                self.places.setdefault(split, array("I")).append(at)
        for each in (self.responses, self.repeats, self.near, self.opinions, self.balance, self.overlap, self.pictures):
            each.add(record)
        self.written.add(record)
        self.agreement.add(record, at)

    def counts(self) -> list[Check]:
        """Numbers of records, prompts and bad records, and the layout."""
        feedback, splits = self.feedback, self.splits
        by_split = f" ({', '.join(f'{name} {count}' for name, count in sorted(splits.items()))})" if splits else ""
        extras = sorted(self.fields - {"split"})
        detail = f"Further fields: {', '.join(extras)}." if extras else ""
        checks = [
            Check("records", f"{len(feedback)} of kind {feedback.kind}{by_split}", "ok", detail),
            Check("distinct prompts", str(len(set(self.prompts)))),
        ]
        if feedback.layout:
            name, _, says = feedback.layout.partition(": ")
            checks.append(Check("layout", name, "ok", f"{says}." if says else ""))
        if feedback.origin.left_out:
            checks.append(Check(LEFT_OUT, feedback.origin.left_out, "note"))
        if feedback.bad:
            total = len(feedback) + len(feedback.bad)
            detail = f"Skipped. The first: {feedback.bad[0]}"
            checks.append(Check("bad records", share(len(feedback.bad), total), "warning", detail))
        if self.ties:
            detail = "Methods that read the probability of a preference learn from ties; for others they are left out."
            checks.append(Check("ties", share(self.ties, len(feedback)), "note", detail))
        return checks

    def checks(self) -> list[Check]:
        """Findings about responses, repetitions, contradictions, splits and labels."""
        records = self.feedback.records
        repeated, distinct = self.repeats.check(records)
        checks = [self.responses.check(), repeated, duplicates.near_duplicates(self.near, records, distinct)]
        checks.append(self.opinions.check(records))
        parts = self._parts()
        if len(parts) > 1:
            checks.append(self.shared.check(parts))
        checks += [*self.written.checks(), *self.balance.checks(), *self.overlap.checks()]
        return [*checks, *self.agreement.checks(records)]

    def _parts(self) -> dict[str, Sequence[Record]]:
        """The records of each split."""
        records, other = self.feedback.records, self.other
        if other is not None:
            name = other.name if other.name != self.feedback.name else "other"
            for record in other.records:
                self.shared.add(name, record)
            return {self.feedback.name: records, name: other.records}
        # Leaks are reported for all splits but the first, so the training split comes first.
        order = sorted(self.places, key=lambda split: (split != "train", split))
        return {split: chosen(records, self.places[split]) for split in order}


class _Lengths:
    """Lengths of prompts and responses, and the length bias."""

    def __init__(self) -> None:
        self.table: dict[str, array[int]] = {}
        self.bias = labels.LengthBias()

    def add(self, record: Record, lengths: Sequence[int]) -> None:
        """Count the lengths of prompt and responses."""
        many = "completions" if record.kind == "ranking" else "completion"
        names = ("chosen", "rejected") if isinstance(record, Comparison) else (many,) * (len(lengths) - 1)
        for name, length in zip(("prompt", *names), lengths, strict=False):  # images have no length
            self.table.setdefault(name, array("Q")).append(length)
        if len(lengths) > len(record.responses):
            self.bias.add(record, lengths[1:])

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean and percentiles of each part of a record."""
        return {name: summary_of_lengths(found) for name, found in self.table.items()}


def _words(record: Record) -> tuple[int, ...]:
    """Words of prompt and responses; an image has none."""
    texts = (record.prompt, *(each for each in record.responses if not isinstance(each, Image)))
    return tuple(count_words(as_text(text)) for text in texts)


def _warning_if(count: int) -> Verdict:
    return "warning" if count else "ok"


class _OfTokens:
    """The checks of the tokens: of the template, and of truncation."""

    def __init__(self, renderer: Renderer, max_length: int | None, policy: Policy) -> None:
        self.renderer, self.max_length, self.policy = renderer, max_length, policy
        self.template, self.table = TemplateChecks(renderer), CutTable()
        # Training raises an error for records that are too long; the check counts them.
        self.truncation = Truncation(max_length, "drop" if policy == "error" else policy)
        limit = getattr(renderer.tokenizer, "model_max_length", None)
        #: The tokenizer's ``model_max_length``, used if no length is given.
        self.limit = limit if isinstance(limit, int) and limit <= 10**7 and max_length is None else None
        self.total = self.long = 0

    def add(self, record: Record) -> tuple[int, ...]:
        """Look at the next record; the lengths of its prompt and responses.

        Raises:
            DataError: the record cannot be rendered.
        """
        prompt, answers = self.renderer.render_tokens(record)
        self.template.add(record, prompt, answers)
        self.total += 1
        ids = [answer.ids for answer in answers]
        if self.max_length is not None:
            masks, first = [answer.learned for answer in answers], self.renderer.keep_first(prompt)
            self.table.add(self.truncation.fit(prompt, ids, keep_first=first, learned=masks))
        elif self.limit is not None:
            self.long += len(prompt) + max(map(len, ids), default=0) > self.limit
        return (len(prompt), *(answer.length for answer in answers))

    def checks(self) -> list[Check]:
        """What was found."""
        cuts = [] if self.max_length is None else _truncation(self.table, self.total, self.max_length, self.policy)
        if self.limit is not None:
            detail = f"Set --max-length {self.limit} to see what truncation would cut." if self.long else ""
            value, verdict = share(self.long, self.total), _warning_if(self.long)
            cuts = [Check(f"longer than the model's {self.limit} tokens", value, verdict, detail)]
        return [*self.template.checks(), *cuts]


def _truncation(table: CutTable, total: int, max_length: int, policy: Policy) -> list[Check]:
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
