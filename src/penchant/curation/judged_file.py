"""`judge_records`: what judges say of every response of a file, beside its records."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from penchant.curation.asked import SAMPLES, compared_records, responses_of, scored_records
from penchant.curation.judged import Journal, content_key, judge_identity
from penchant.curation.rows import as_row
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.detection import caught, precision_area_interval
from penchant.evaluation.judges.biases import pair_calibration
from penchant.evaluation.judges.reversals import reversal_accuracy
from penchant.feedback.collection import Feedback
from penchant.feedback.conversion.ties import is_tie
from penchant.feedback.kept import Kept
from penchant.feedback.reading import read
from penchant.feedback.records import Comparison, Judgement, Prompt, Ranking, Record
from penchant.rewards.judge import Judge
from penchant.rewards.judgement_cache import CachedJudge
from penchant.rewards.mixtures import MixtureJudge
from penchant.statistics import Interval, area_interval, mean_interval, share_interval

__all__ = ["Judged", "NamedJudge", "judge_records", "read_responses"]

#: Records that a judge with a model gets at once.
TOGETHER = 64

Progress = Callable[[str, int, int], None]
Numbers = Kept[list[float]]


class NamedJudge(NamedTuple):
    """A judge, and the settings by which what it said is found again."""

    judge: Judge
    settings: Mapping[str, Any]


@dataclass
class Judged:
    """Judgements of the records of a file.

    Args:
        feedback: the records.
        scores: by judge, for each record one number per response; NaN where the judge has none.
        preferences: by judge, for each record the K·K probabilities that one response is preferred to another.
        deviations: by ensemble, for each record how much its members disagree on each response.
    """

    feedback: Feedback
    scores: dict[str, Numbers] = field(default_factory=dict)
    preferences: dict[str, Numbers] = field(default_factory=dict)
    deviations: dict[str, Numbers] = field(default_factory=dict)

    def rows(self, into: str | None = None) -> Iterator[dict[str, Any]]:
        """The records as rows, with ``scores_NAME``, ``preferences_NAME`` and ``deviations_NAME`` of each judge.

        Numbers are in the order of the record's responses, chosen before rejected; null for what a judge cannot say.

        Args:
            into: a judge whose scores are written as the fields that methods read, too: ``chosen_score`` and
                ``rejected_score``, ``scores`` of a ranking (which a prompt with responses becomes), or ``score``.
        """
        for place, record in enumerate(self.feedback):
            row = as_row(record)
            for name, values in self.scores.items():
                row[f"scores_{name}"] = _plain(values[place])
            for name, values in self.deviations.items():
                row[f"deviations_{name}"] = _plain(values[place])
            for name, values in self.preferences.items():
                row[f"preferences_{name}"] = _table(_plain(values[place]))
            yield row if into is None else _with_fields(row, record, self.scores[into][place])

    def ranked_by(self, name: str) -> Sequence[list[float]]:
        """For each record one number per response, larger for the better one; NaN for what the judge cannot say.

        Of a judge that only compares: the mean probability of being preferred to one of the others.

        Args:
            name: of the judge.
        """
        if name in self.scores:
            return self.scores[name]
        return [_means(own) for own in self.preferences[name]]

    def summary(self) -> dict[str, dict[str, Interval | int]]:
        """For each judge: what it cannot say, the mean of its scores, and agreement with the feedback, with intervals.

        ``without a score`` counts responses, ``without a preference`` pairs of responses to one prompt.

        ``accuracy`` of comparisons: the share in which the chosen response is better, equal scores half; ties of the
        feedback are counted and left out. ``calibration error`` of probabilities: `pair_calibration`. ``separation`` of
        judgements: the probability that a desirable response scores higher than an undesirable one; ``precision area``
        and ``caught at 1 % false alarms`` as in `penchant.evaluation.detection`.
        """
        return {name: self._figures(name) for name in {**self.scores, **self.preferences}}

    def _figures(self, name: str) -> dict[str, Interval | int]:
        figures: dict[str, Interval | int] = {}
        values = [value for own in self.scores.get(name, ()) for value in own]
        known = [value for value in values if not math.isnan(value)]
        if values:
            figures["responses"], figures["without a score"] = len(values), len(values) - len(known)
        if name in self.preferences:
            pairs = [value for own in self.preferences[name] for value in _upper(own)]
            figures["pairs"], figures["without a preference"] = len(pairs), sum(map(math.isnan, pairs))
        if len(known) > 1:
            figures["mean"] = mean_interval(known)
        if self.feedback.kind in ("comparison", "joint comparison"):
            ties = sum(map(is_tie, self.feedback))
            if ties:
                figures["ties in the feedback"] = ties
            wins = [each for each in self._wins(name) if not math.isnan(each)]
            if wins:
                figures["accuracy"] = share_interval(sum(wins) / len(wins), len(wins))
            if wins and name in self.preferences:
                figures["calibration error"] = pair_calibration(self._chances(name))
            turned = reversal_accuracy(self.feedback, list(self._margins(name)))
            if turned is not None:
                figures["reversals, both right"] = turned
        if self.feedback.kind == "judgement" and name in self.scores:
            sides: dict[bool, list[float]] = {True: [], False: []}
            for record, own in zip(self.feedback, self.scores[name], strict=True):
                if isinstance(record, Judgement) and not math.isnan(own[0]):
                    sides[record.label].append(own[0])
            if all(sides.values()):
                figures["separation"] = area_interval(sides[True], sides[False])
                figures["precision area"] = precision_area_interval(sides[True], sides[False])
                figures["caught at 1 % false alarms"] = caught(sides[True], sides[False])
        return figures

    def _wins(self, name: str) -> Iterator[float]:
        """For each decided comparison 1 if the chosen response is better, 0 if it is worse, 1/2 for equal scores."""
        for record, each in zip(self.feedback, self._margins(name), strict=True):
            if is_tie(record):
                continue
            yield math.nan if math.isnan(each) else 0.5 if each == 0 else float(each > 0)

    def _chances(self, name: str) -> list[float]:
        """For each decided comparison that the judge can make, the probability that it gives the chosen response."""
        compared = zip(self.feedback, self.preferences[name], strict=True)
        return [own[1] for record, own in compared if not is_tie(record) and not math.isnan(own[1])]

    def _margins(self, name: str) -> Iterator[float]:
        """For each comparison what the judge gives the chosen response above the other one."""
        if name in self.scores:
            return (own[0] - own[1] for own in self.scores[name])
        return (own[1] - 0.5 for own in self.preferences[name])


def _upper(preferences: Sequence[float]) -> list[float]:
    """Of K·K preferences, one of each pair of responses."""
    count = math.isqrt(len(preferences))
    return [preferences[one * count + other] for one in range(count) for other in range(one + 1, count)]


def read_responses(source: Any, *, kind: str | None = None, **options: Any) -> Feedback:
    """Read feedback as `penchant.feedback.read` does, or prompts with lists of responses that have no scores yet.

    Args:
        source: a file, folder, hub id, or rows.
        kind: the kind of feedback; recognised if not given.
        options: those of `penchant.feedback.read`.

    Raises:
        DataError: the source cannot be read.

    Example:
        >>> read_responses([{"prompt": "p", "responses": ["a", "b"]}]).kind
        'prompt'
    """
    try:
        return read(source, kind=kind, **options)
    except DataError:
        if kind is not None:
            raise
        try:
            prompts = read(source, kind="prompt", **options)
        except DataError:
            prompts = None
        if prompts is None or not any(isinstance(prompts[0].fields.get(name), list) for name in SAMPLES):
            raise
        return prompts


def judge_records(
    feedback: Feedback,
    judges: Mapping[str, NamedJudge],
    *,
    combined: tuple[str, MixtureJudge] | None = None,
    compare: bool = False,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> Judged:
    """Let judges score every response of some records, or compare them.

    Args:
        feedback: the records; a prompt's responses are in its field ``responses``, ``completions`` or ``samples``.
        judges: by the name under which their judgements are written.
        combined: a further column that combines the scores of all judges.
        compare: ask for the probabilities that one response is preferred to another, not for scores. A judge that only
            compares always gives these.
        journal: of what judges without an identity said before.
        progress: called with the judge, the records done and their number.

    Raises:
        DataError: a record has no responses, or such that a judge cannot read.
        ConfigurationError: scores are to be combined, and a judge gives none.
        PenchantError: a judge fails.
    """
    judged = Judged(feedback)
    for name, each in judges.items():
        if compare or not each.judge.gives_scores:
            judged.preferences[name] = _said(feedback, name, each, journal, progress, compare=True)
        elif isinstance(each.judge, MixtureJudge):
            parts = zip(each.judge.members, each.judge.judges, strict=True)
            members = [_said(feedback, name, NamedJudge(*part), journal, progress) for part in parts]
            _combine(judged, name, each.judge, members)
        else:
            judged.scores[name] = _said(feedback, name, each, journal, progress)
    if combined is not None:
        silent = [name for name in judges if name not in judged.scores]
        if silent:
            raise ConfigurationError(
                f"The judge {silent[0]} gives no scores here, so they cannot be combined.",
                where="--combine",
                fix="Leave out --compare, and use judges that score.",
            )
        _combine(judged, *combined, [judged.scores[name] for name in judges])
    return judged


def _combine(judged: Judged, name: str, mixture: MixtureJudge, members: Sequence[Numbers]) -> None:
    """Write what a mixture makes of its members' scores; their normalisation needs those of the whole file."""
    together = mixture.combine(members)
    judged.scores[name] = Kept(together.scores)
    if together.deviations is not None:
        judged.deviations[name] = Kept(together.deviations)


def _said(
    feedback: Feedback,
    name: str,
    named: NamedJudge,
    journal: Journal | None,
    progress: Progress | None,
    compare: bool = False,
) -> Numbers:
    """What a judge says of every record: a number for each response, or for each pair of them."""
    judge, found = named.judge, Kept[list[float]]()
    # What is on disk by content is not written down twice.
    kept = None if isinstance(judge, CachedJudge) else journal
    identity = "" if kept is None else judge_identity(named.settings, compare)
    # A judge that asks for one prompt after another loses nothing where it is stopped between two.
    batched = type(judge).score_all is not Judge.score_all or type(judge).compare_all is not Judge.compare_all
    size = TOGETHER if batched else 1
    for start in range(0, len(feedback), size):
        records = list(feedback[start : start + size])
        keys = ["" if kept is None else content_key(identity, each, responses_of(each)) for each in records]
        known = [None if kept is None else kept.get(key) for key in keys]
        missing = [place for place, said in enumerate(known) if said is None]
        ask = compared_records if compare else scored_records
        for place, values in zip(missing, ask([records[each] for each in missing], name, judge), strict=True):
            known[place] = _plain(values)
            if kept is not None:
                kept.put(keys[place], known[place])  # type: ignore[arg-type]
        found.extend([math.nan if value is None else value for value in said or ()] for said in known)
        if progress is not None:
            progress(name, start + len(records), len(feedback))
    return found


def _means(values: Sequence[float]) -> list[float]:
    """Means of the rows of a table of K·K probabilities, without its diagonal."""
    size = math.isqrt(len(values))
    rows = [[values[row * size + column] for column in range(size) if column != row] for row in range(size)]
    return [sum(each) / len(each) if each else math.nan for each in rows]


def _plain(values: Sequence[float]) -> list[float | None]:
    """Numbers as JSON has them: null for what is missing."""
    return [None if math.isnan(each) else each for each in values]


def _table(values: Sequence[float | None]) -> list[list[float | None]]:
    size = math.isqrt(len(values))
    return [list(values[start : start + size]) for start in range(0, size * size, size)]


def _with_fields(row: dict[str, Any], record: Record, scores: Sequence[float]) -> dict[str, Any]:
    """A row with scores as the fields that methods read; a response without a score leaves the row as it is."""
    if any(math.isnan(each) for each in scores):
        return row
    if isinstance(record, Comparison):
        return row | dict(zip(("chosen_score", "rejected_score"), scores, strict=True))
    if isinstance(record, Ranking):
        return {name: value for name, value in row.items() if name != "ranks"} | {"scores": list(scores)}
    if isinstance(record, Prompt):
        without = {name: value for name, value in row.items() if name not in SAMPLES}
        return without | {"completions": responses_of(record), "scores": list(scores)}
    return row | {"score": scores[0]}
