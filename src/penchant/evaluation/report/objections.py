"""What forbids the headline "got better": a policy that fell apart, or held-out data that was trained on."""

from __future__ import annotations

from typing import NamedTuple

from penchant.evaluation.report.before_after import BeforeAfter
from penchant.evaluation.report.quantities import number
from penchant.evaluation.report.run_folder import RunFolder, finite_number

__all__ = ["APART_KL", "Objection", "objections"]

#: Nats per response. Tens are common after preference training; at hundreds the policy is another model.
APART_KL = 200.0
# A fall of the share of samples that end, and a rise of their repetition, that few samples do not show by chance.
_FALL_OF_ENDED, _REPEATED, _RISE_OF_REPEATED = 0.5, 0.5, 0.25
# Share of held-out records that overlap with the training data.
_OVERLAP = 0.01


class Objection(NamedTuple):
    """A finding that speaks against a gain: its place in the headline, and a sentence."""

    headline: str
    sentence: str


def objections(run: RunFolder, figures: BeforeAfter) -> list[Objection]:
    """All objections to a gain, the gravest first.

    Args:
        run: the run.
        figures: its figures before and after.

    Example:
        >>> from pathlib import Path
        >>> from penchant.evaluation.report.before_after import before_after
        >>> run = RunFolder(Path("x"), summary={"before": {"kl": 0.0}, "after": {"kl": 420.0}})
        >>> objections(run, before_after(run))[0].headline
        'the model is far from the reference'
    """
    found = (_divergence(figures), _one_class(figures), _endless(figures), _repetitive(figures), _overlap(run))
    return [each for each in found if each is not None]


def _divergence(figures: BeforeAfter) -> Objection | None:
    kl = figures.get("kl")
    if kl is None or kl.after is None or kl.after < APART_KL:
        return None
    return Objection(
        "the model is far from the reference",
        f"The KL divergence from the reference is {number(kl.after)} nats, which is large: the policy is hardly "
        "related to the model that it started from. Use a smaller learning rate, fewer steps or a larger beta.",
    )


def _one_class(figures: BeforeAfter) -> Objection | None:
    desirable = figures.get("labels/desirable")
    if desirable is None or desirable.after not in (0.0, 1.0):
        return None
    kind, change = ("desirable", "likelier") if desirable.after else ("undesirable", "less likely")
    return Objection(
        f"all measured responses are {kind}",
        f"All measured responses are {kind}, so their accuracy rises with everything that becomes {change} and tells "
        "no good response from a bad one. Hold out responses with both labels: eval_data, eval_share, or a larger "
        "eval_limit.",
    )


def _endless(figures: BeforeAfter) -> Objection | None:
    ended = figures.get("samples/ended")
    if ended is None or ended.before is None or ended.after is None or ended.before - ended.after < _FALL_OF_ENDED:
        return None
    return Objection(
        "its samples no longer end",
        f"{ended.shown[0]} of the samples reached an end token before training, {ended.shown[1]} after it.",
    )


def _repetitive(figures: BeforeAfter) -> Objection | None:
    repeated = figures.get("samples/repeated")
    if repeated is None or repeated.after is None or repeated.after < _REPEATED:
        return None
    if repeated.after - (repeated.before or 0.0) < _RISE_OF_REPEATED:
        return None
    return Objection(
        "its samples repeat themselves",
        f"{repeated.shown[1]} of the four-token sequences of a sample occurred before in it; before training it was "
        f"{repeated.shown[0]}.",
    )


def _overlap(run: RunFolder) -> Objection | None:
    counts = run.summary.get("overlap")
    if not isinstance(counts, dict):
        return None
    held_out = finite_number(counts.get("held_out")) or 0.0
    same, near = (finite_number(counts.get(key)) or 0.0 for key in ("same_prompt", "near_duplicate"))
    if not held_out or (same + near) / held_out <= _OVERLAP:
        return None
    return Objection(
        "held-out records were also trained on",
        f"Of the {held_out:.0f} held-out records, {same:.0f} have a prompt of the training data and {near:.0f} nearly "
        "repeat a training record, so the figures measure memory. Remove them from the training data, or let "
        "eval_share hold records out.",
    )
