"""`audit`: whether a judge is moved by order, wording, length, style, or by who wrote a response."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from penchant.diagnostics.judge_edits import EDITS, Edit
from penchant.errors import DataError
from penchant.feedback.pairing import comparisons_of
from penchant.feedback.records import Comparison, Ranking, Record, Text, as_text
from penchant.rewards.judge import Judge
from penchant.statistics import Interval, mean_interval, paired_difference, share_interval

__all__ = ["MEANINGS", "Audit", "Figure", "audit"]

#: What each figure means, with the value of a judge without the bias.
MEANINGS = {
    "swap consistency": "share of pairs with the same verdict in both orders (1 is best)",
    "position bias": "probability that the response shown first wins, less 1/2 (0 is best; above 0: the first)",
    "accuracy": "probability given to the preferred response (1 is best)",
    "paraphrase consistency": "share of pairs with the same verdict after rewording both responses (1 is best)",
    "paraphrase bias": "probability that a reworded response beats its original, less 1/2 (0 is best)",
    "length bias": "probability that a response with empty sentences at its end beats its original, less 1/2 "
    "(0 or less is best; above 0: longer)",
    "style bias": "probability that a response as a Markdown list beats its original, less 1/2 (0 is best)",
    "longer wins": "probability that the longer of two different responses wins, less 1/2 (compare the next line)",
    "longer preferred": "share of pairs whose preferred response is the longer one, less 1/2",
    "longer wins beyond preference": "the difference of the last two (0 is best; above 0: longer)",
    "self-preference": "win rate of the judge's own family, less its share of preferred responses (0 is best)",
}

#: The figures of which 0 is best. Of the last ones a value below 0 is no bias: to dislike empty sentences is right.
BIASES = (
    "position bias",
    "paraphrase bias",
    "length bias",
    "style bias",
    "longer wins beyond preference",
    "self-preference",
)
ABOVE_ALONE = ("length bias",)


@dataclass(frozen=True)
class Figure:
    """One figure of an audit.

    Args:
        interval: value with its 95 % interval.
        pairs: number of pairs.
    """

    interval: Interval
    pairs: int


@dataclass
class Audit:
    """The figures of an audit by name, and what was left out.

    Args:
        figures: by the names of `MEANINGS`.
        notes: sentences about what could not be measured.
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def found(self, name: str) -> bool:
        """Whether a bias is found: the interval of the figure does not hold 0, on a side that is one."""
        each = self.figures[name].interval
        return each.low > 0 or (each.high < 0 and name not in ABOVE_ALONE)

    @property
    def biases(self) -> list[str]:
        """The figures that are biases, 0 being best."""
        return [name for name in BIASES if name in self.figures]

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON holds them."""
        rows = {
            name: {
                "value": each.interval.value,
                "low": each.interval.low,
                "high": each.interval.high,
                "pairs": each.pairs,
                "meaning": MEANINGS[name],
            }
            for name, each in self.figures.items()
        }
        return {"figures": rows, "notes": self.notes}


@dataclass(frozen=True)
class _Pair:
    prompt: Text
    chosen: str
    rejected: str
    models: tuple[str, str] | None


def audit(judge: Judge, records: Sequence[Record], *, family: str | None = None, seed: int = 0) -> Audit:
    """Audit a judge on comparisons.

    A response and its edit have the same content, so a judge without a bias prefers neither; in different pairs, the
    preferred response is the one of the record.

    Args:
        judge: any judge that compares.
        records: comparisons, whose fields ``chosen_model`` and ``rejected_model`` name who wrote the responses; or
            rankings, of each of which two responses are taken at random, with the field ``model`` of each.
        family: begins the names of the models that are of the judge's own family, for self-preference.
        seed: of the bootstrap intervals.

    Returns:
        The figures, each with a 95 % interval over pairs.

    Raises:
        DataError: there are no comparisons of texts.
        PenchantError: the judge fails.
    """
    pairs = [pair for each in records if (pair := _pair(each)) is not None]
    if len(pairs) < 2:
        raise DataError(
            f"An audit needs two comparisons or more; there are {len(pairs)}.",
            fix="Give a file with chosen and rejected, or of rankings.",
        )
    result = Audit()
    preferred = _preferences(judge, [(each.prompt, each.chosen, each.rejected) for each in pairs])
    _share(result, "accuracy", preferred)
    _orders(result, judge, pairs)
    for name, edit in EDITS.items():
        _edited(result, judge, pairs, name, edit)
    _reworded(result, judge, pairs, preferred)
    _longer(result, pairs, preferred, seed)
    _own(result, pairs, preferred, family, seed)
    return result


def _pair(record: Record) -> _Pair | None:
    """The pair of a comparison, or one of a ranking; None of other records and where all responses are equally good."""
    if isinstance(record, Ranking):
        # One pair a prompt: intervals over pairs that share their responses would be too narrow.
        found = comparisons_of(record, "all")
        return _pair(random.Random(str(record.prompt)).choice(found)) if found else None
    if not isinstance(record, Comparison):
        return None
    told = record.fields.get("completion_fields") or [{}, {}]
    models = tuple(
        record.fields.get(f"{side}_model", own.get("model"))
        for side, own in zip(("chosen", "rejected"), told, strict=True)
    )
    known = models if all(isinstance(each, str) for each in models) else None
    return _Pair(record.prompt, as_text(record.chosen), as_text(record.rejected), known)  # type: ignore[arg-type]


def _preferences(judge: Judge, asked: Sequence[tuple[Text, str, str]]) -> list[float]:
    """The probability that the first response of each pair is preferred; NaN where the judge has no verdict."""
    prompts, responses = [each[0] for each in asked], [list(each[1:]) for each in asked]
    all_at_once = getattr(judge, "compare_all", None)
    if all_at_once is not None:
        return [float(table[0, 1]) for table in all_at_once(prompts, responses)]
    return [float(judge.compare(*each)[0, 1]) for each in zip(prompts, responses, strict=True)]


def _share(result: Audit, name: str, values: Sequence[float], less: float = 0.0) -> None:
    """A mean of numbers in [0, 1] with its interval; missing ones are left out and counted in a note.

    Wilson's interval for verdicts, which stays wide where all are equal; the normal one for probabilities, which vary
    less than verdicts.
    """
    known = [each for each in values if not math.isnan(each)]
    if len(known) < len(values):
        result.notes.append(f"{name}: {len(values) - len(known)} of {len(values)} pairs have no verdict.")
    if known:
        verdicts = len(known) < 2 or set(known) <= {0.0, 0.25, 0.5, 0.75, 1.0} or len(set(known)) == 1
        share = min(1.0, max(0.0, sum(known) / len(known)))
        found = share_interval(share, len(known)) if verdicts else mean_interval(known).within(0.0, 1.0)
        moved = Interval(found.value - less, found.low - less, found.high - less)
        result.figures[name] = Figure(moved, len(known))


def _orders(result: Audit, judge: Judge, pairs: Sequence[_Pair]) -> None:
    first_wins = getattr(judge, "first_wins", None)
    if first_wins is None or getattr(judge, "role", "pairwise") != "pairwise":
        result.notes.append("The judge scores each response alone, so the order of two responses has no effect.")
        return
    prompts = [each.prompt for each in pairs]
    one = first_wins(prompts, [(each.chosen, each.rejected) for each in pairs])
    other = first_wins(prompts, [(each.rejected, each.chosen) for each in pairs])
    both = list(zip(one, other, strict=True))
    _share(result, "swap consistency", [_same(own, 1.0 - turned) for own, turned in both])
    _share(result, "position bias", [(own + turned) / 2 for own, turned in both], less=0.5)


def _edited(result: Audit, judge: Judge, pairs: Sequence[_Pair], name: str, edit: Edit) -> None:
    asked = [(each.prompt, edit(each.chosen), each.chosen) for each in pairs]
    changed = [each for each in asked if each[1] != each[2]]
    if len(changed) < len(asked):
        result.notes.append(f"{name}: {len(asked) - len(changed)} responses have nothing to change.")
    if changed:
        _share(result, f"{name} bias", _preferences(judge, changed), less=0.5)


def _reworded(result: Audit, judge: Judge, pairs: Sequence[_Pair], preferred: Sequence[float]) -> None:
    edit = EDITS["paraphrase"]
    new = [(each.prompt, edit(each.chosen), edit(each.rejected)) for each in pairs]
    places = [at for at, each in enumerate(pairs) if new[at][1:] != (each.chosen, each.rejected)]
    after = _preferences(judge, [new[at] for at in places])
    _share(result, "paraphrase consistency", [_same(preferred[at], own) for at, own in zip(places, after, strict=True)])


def _longer(result: Audit, pairs: Sequence[_Pair], preferred: Sequence[float], seed: int) -> None:
    wins, labels = [], []
    for pair, own in zip(pairs, preferred, strict=True):
        if len(pair.chosen) != len(pair.rejected) and not math.isnan(own):
            longer = len(pair.chosen) > len(pair.rejected)
            wins.append(own if longer else 1.0 - own)
            labels.append(float(longer))
    _share(result, "longer wins", wins, less=0.5)
    _share(result, "longer preferred", labels, less=0.5)
    if len(wins) > 1:
        found = paired_difference(labels, wins, seed=seed)
        result.figures["longer wins beyond preference"] = Figure(found, len(wins))


def _own(result: Audit, pairs: Sequence[_Pair], preferred: Sequence[float], family: str | None, seed: int) -> None:
    if family is None:
        result.notes.append("self-preference: not measured; name the judge's own family with --family.")
        return
    found = list(_by_family(pairs, preferred, family))
    if len(found) < 2:
        result.notes.append(
            f"self-preference: {len(found)} pairs have one response by {family!r} and one by another model; the fields "
            "chosen_model and rejected_model say who wrote them."
        )
        return
    labels, wins = zip(*found, strict=True)
    result.figures["self-preference"] = Figure(paired_difference(labels, wins, seed=seed), len(found))


def _by_family(pairs: Sequence[_Pair], preferred: Sequence[float], family: str) -> Iterator[tuple[float, float]]:
    """For each pair of one own and one other response: whether the own one is preferred, and how often it wins."""
    for pair, own in zip(pairs, preferred, strict=True):
        if pair.models is None or math.isnan(own):
            continue
        ours = [each.startswith(family) for each in pair.models]
        if ours == [True, False]:
            yield 1.0, own
        elif ours == [False, True]:
            yield 0.0, 1.0 - own


def _same(one: float, other: float) -> float:
    """Whether two probabilities give the same verdict: 1 or 0; NaN where one is missing."""
    if math.isnan(one) or math.isnan(other):
        return math.nan
    return float(_verdict(one) == _verdict(other))


def _verdict(probability: float) -> int:
    return (probability > 0.5 + 1e-9) - (probability < 0.5 - 1e-9)
