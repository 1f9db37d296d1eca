"""Conversion of a run's feedback to the kind that its objective reads: rankings to pairs, pairs to judgements."""

from __future__ import annotations

from typing import NamedTuple

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.pairing import HOW, How, paired
from penchant.feedback.records import Comparison, Ranking, Record
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
    """Convert rankings to pairs and pairs to judgements where the objective asks for them, and say so.

    Args:
        objective: its views and fields decide.
        asked: the feedback as it was read.
        how: which responses of a ranking are compared.
        reporter: says what was converted.

    Raises:
        ConfigurationError: the objective asks for judgements and for pairs.
        DataError: no ranking has two different scores, or the objective cannot read this kind of feedback.
    """
    judged = _judges_single_responses(objective)
    if (judged or _compares_pairs(objective)) and (_holds(asked.train, Ranking) or _holds(asked.heldout, Ranking)):
        asked = _as_pairs(asked, how, reporter)
    if judged:
        asked = _as_judgements(asked, reporter)
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
    if not ("label" in wanted.fields and "responses" in wanted.views):
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
