"""Conversion of a run's feedback to the kind that its objective reads: rankings, pairs and judgements."""

from __future__ import annotations

from typing import NamedTuple

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.conversion.from_judgements import compared_judgements
from penchant.feedback.conversion.one_label import of_label
from penchant.feedback.pairing import HOW, How, paired
from penchant.feedback.records import Comparison, Judgement, Ranking, Record
from penchant.feedback.sources import Sources, parts_of
from penchant.feedback.unpairing import unpaired
from penchant.feedback.views.view import find_view
from penchant.objectives.core.objective import Objective
from penchant.training.kinds.methods_for import check_kind
from penchant.training.progress import ProgressReporter

__all__ = ["Asked", "as_asked"]


class Asked(NamedTuple):
    """The feedback of a run in the kind that its objective reads.

    Args:
        train: to train on.
        heldout: to measure on.
        measured_on: description of the latter.
    """

    train: Feedback
    heldout: Feedback
    measured_on: str


def as_asked(objective: Objective, asked: Asked, how: How, reporter: ProgressReporter) -> Asked:
    """Convert the feedback to the kind that the objective asks for, and say so.

    Rankings become pairs, pairs become judgements, and judgements become pairs; of judgements, an objective that
    imitates reads the desirable responses, and one of dispreference the undesirable ones.

    Args:
        objective: its views and fields decide.
        asked: the feedback as it was read.
        how: which responses of a ranking are compared.
        reporter: says what was converted.

    Raises:
        ConfigurationError: the objective asks for judgements and for pairs.
        DataError: no ranking has two different scores, no prompt has judgements of both labels, or the objective cannot
            read this kind of feedback.
    """
    judged = _judges_single_responses(objective)
    if (judged or _compares_pairs(objective)) and (_holds(asked.train, Ranking) or _holds(asked.heldout, Ranking)):
        asked = _as_pairs(asked, how, reporter)
    if judged:
        asked = _as_judgements(asked, reporter)
    elif _holds(asked.train, Judgement) or _holds(asked.heldout, Judgement):
        asked = _of_judgements(objective, asked, how, reporter)
    if _imitates(objective) and _holds(asked.train, Comparison):
        reporter.say("Of each pair the chosen response is learned; the rejected one is not read")
    # Named sources supply views of their own, which `check_sources` and the encoder look at.
    if not (isinstance(asked.train, Sources) and asked.train.weights is None):
        for part in parts_of(asked.train).values():
            check_kind(objective, part)
    return asked


def _holds(feedback: Feedback, kind: type[Record]) -> bool:
    """Whether a set of records is of a kind; reads no record."""
    return any(part.kind == kind.kind for part in parts_of(feedback).values())


def _as_pairs(asked: Asked, how: How, reporter: ProgressReporter) -> Asked:
    train, heldout = paired(asked.train, how), paired(asked.heldout, how)
    for converted in (train, heldout):
        if converted.rankings and not len(converted.feedback):
            raise DataError(
                f"All scores within each of the {converted.rankings} rankings of {converted.feedback.name} are equal, "
                "so no response is better than another.",
                fix="Map the column that holds the scores: --map scores=COLUMN.",
            )
    if train.rankings:
        reason = f"of equal scores or responses {'was' if train.equal == 1 else 'were'} left out"
        left = f"; {_counted(train.equal, 'ranking')} {reason}" if train.equal else ""
        reporter.say(f"Each ranking counts as {HOW[how]}: {_counted(len(train.feedback), 'training pair')}{left}")
    described = _redescribed(asked, heldout.feedback, "pairs") if heldout.rankings else asked.measured_on
    return Asked(train.feedback, heldout.feedback, described)


def _as_judgements(asked: Asked, reporter: ProgressReporter) -> Asked:
    train, heldout = unpaired(asked.train), unpaired(asked.heldout)
    if len(train) != len(asked.train):
        reporter.say(f"Each pair counts as two judged responses: {len(train)} training examples")
    return asked._replace(train=train, heldout=heldout)


def _of_judgements(objective: Objective, asked: Asked, how: How, reporter: ProgressReporter) -> Asked:
    """Judgements as an objective reads them that is not about single labelled responses."""
    if _imitates(objective) or "bad" in objective.requirements.views:
        return _of_one_label(_imitates(objective), asked, reporter)
    return _as_comparisons(objective, asked, how, reporter) if _compares_pairs(objective) else asked


def _of_one_label(label: bool, asked: Asked, reporter: ProgressReporter) -> Asked:
    word = "desirable" if label else "undesirable"
    train, heldout = of_label(asked.train, label), of_label(asked.heldout, label)
    for before, after in ((asked.train, train), (asked.heldout, heldout)):
        if len(before) and not len(after):
            raise DataError(
                f"None of the {len(before)} judgements is {word}, so there is nothing to train on.",
                where=before.name,
                fix="Check which column is the label: --map label=COLUMN.",
            )
    if len(train) != len(asked.train):
        reporter.say(f"Of the judgements the {word} responses are read: {len(train):,} of {len(asked.train):,}")
    return Asked(train, heldout, _redescribed(asked, heldout, f"{word} responses"))


def _as_comparisons(objective: Objective, asked: Asked, how: How, reporter: ProgressReporter) -> Asked:
    train, heldout = compared_judgements(asked.train, how), compared_judgements(asked.heldout, how)
    for before, made in ((asked.train, train), (asked.heldout, heldout)):
        if made.judgements and not len(made.feedback):
            _refuse_unpaired(objective, before)
    if train.judgements:
        pairs = _counted(len(train.feedback), "training pair")
        way = "one to one" if how == "best_worst" else "each with each" if how != "best_rest" else "the first with each"
        left = f"; {_counted(train.left, 'judgement')} without a partner left out" if train.left else ""
        reporter.say(f"Desirable and undesirable responses to one prompt count as pairs, {way}: {pairs}{left}")
    described = _redescribed(asked, heldout.feedback, "pairs") if heldout.judgements else asked.measured_on
    return Asked(train.feedback, heldout.feedback, described)


def _refuse_unpaired(objective: Objective, feedback: Feedback) -> None:
    """The error about judgements of which no pair can be made, with the methods that read judgements."""
    for part in parts_of(feedback).values():
        try:
            check_kind(objective, part)
        except DataError as error:
            why = "No prompt has both a desirable and an undesirable response, so no pair can be made of them."
            raise DataError(error.what, where=error.where, why=why, fix=error.fix) from error


def _redescribed(asked: Asked, heldout: Feedback, what: str) -> str:
    """The description of the held-out data, with the number of its pairs."""
    before = f"({len(asked.heldout)} records"
    return asked.measured_on.replace(before, f"({len(heldout)} {what} from {len(asked.heldout)} records")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _compares_pairs(objective: Objective) -> bool:
    """Whether the objective reads the two sides of a pair, and no scores of a whole list."""
    wanted = objective.requirements
    of_lists = "responses" in wanted.views and {"scores", "ranks"} & set(wanted.fields)
    return not of_lists and any("pair" in find_view(name).shapes for name in wanted.views)


def _imitates(objective: Objective) -> bool:
    """Whether the objective reads the chosen side of a pair, and nothing of the other side."""
    views = objective.requirements.views
    others = {find_view(name).against for name in views} - {None}
    rest = [name for name in views if find_view(name).against is None]
    return bool(others) and not others & set(views) and not rest


def _judges_single_responses(objective: Objective) -> bool:
    """Whether the objective reads one labelled response at a time, so that a pair is two examples.

    Raises:
        ConfigurationError: it asks for both sides of a pair too.
    """
    wanted = objective.requirements
    if not ("label" in wanted.fields and any(map(_is_of_judgements, wanted.views))):
        return False
    both = next((name for name in wanted.views if "pair" in find_view(name).shapes), None)
    if both is not None:
        raise ConfigurationError(
            f"The objective {objective.id} asks for single labelled responses and for the view {both!r} of pairs; no "
            "record is both.",
            where="objective",
            fix="Combine objectives of one kind of feedback (`penchant methods` shows what each needs).",
        )
    return True


def _is_of_judgements(name: str) -> bool:
    """Whether a view is of single responses: ``responses``, or one that a judgement supplies and a pair does not."""
    pair, single = Comparison(prompt="", chosen="", rejected=""), Judgement(prompt="", completion="", label=True)
    texts = find_view(name).texts
    return name == "responses" or (texts(single) is not None and texts(pair) is None)
