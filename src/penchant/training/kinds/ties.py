"""Ties in a run's pairs: used by objectives that read how likely a preference is, left out and counted for others."""

from __future__ import annotations

from penchant.feedback.collection import Feedback
from penchant.feedback.conversion.ties import decided, is_tie
from penchant.feedback.records import Comparison
from penchant.feedback.sources import Sources
from penchant.objectives.core.objective import Objective
from penchant.training.progress import ProgressReporter

__all__ = ["reads_ties", "say_ties", "with_ties"]


def reads_ties(objective: Objective) -> bool:
    """Whether an objective reads the ``probability`` of a pair, which is one half for a tie."""
    return "probability" in objective.requirements.fields


def with_ties(objective: Objective, train: Feedback, heldout: Feedback) -> tuple[Feedback, Feedback]:
    """Pairs of which some are ties, in the form that an objective reads: the decided ones get a ``probability`` too.

    It is 1, or 1 − ε with an objective's ``label_smoothing`` ε, as in data without ties. Data without ties are returned
    unchanged.

    Args:
        objective: what it reads decides.
        train: to train on.
        heldout: to measure on.
    """
    if not (reads_ties(objective) and any(_ties(each) for each in (train, heldout))):
        return train, heldout
    sure = 1.0 - float(objective.hyper.get("label_smoothing", 0.0))
    return _decided(train, sure), _decided(heldout, sure)


def say_ties(train: Feedback, objective: Objective, reporter: ProgressReporter) -> None:
    """Say how many ties the training pairs hold, or how many were left out.

    Args:
        train: to train on.
        objective: what it reads decides.
        reporter: says it.
    """
    used = _ties(train) if reads_ties(objective) else 0
    if used:
        reporter.say(f"{used:,} of {len(train):,} pairs are ties, which {objective.id} reads as the probability 0.5")
    if train.ties:
        reporter.warn(
            f"{train.ties:,} ties of {train.name} were left out, since {objective.id} needs a preferred response; "
            f"{len(train):,} pairs are left. bt-ties, bt and cdpo learn from ties"
        )


def _ties(feedback: Feedback) -> int:
    return sum(map(is_tie, feedback)) if Comparison.kind in feedback.kind else 0


def _decided(feedback: Feedback, probability: float) -> Feedback:
    if isinstance(feedback, Sources):
        return Sources({name: decided(each, probability) for name, each in feedback.parts.items()}, feedback.weights)
    return decided(feedback, probability)
