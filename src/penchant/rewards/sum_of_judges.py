"""`SumOfJudges`, the weighted sum of several functions and judges, each of which keeps its own record."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import MinLen

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record
from penchant.rewards.judge import Judge
from penchant.rewards.registry import unread_judge
from penchant.rewards.wrapped.members import CombiningJudge

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["SumOfJudges"]

#: Keys of a member that the sum reads itself.
OWN = ("weight", "label")


class SumOfJudges(CombiningJudge):
    """Σ_m w_m r_m over the members that can score a response; a list of judges is its short form.

    A member that cannot score a response counts nothing there; a response that none can score has no score. Each member
    is logged by itself, under its ``label``: its mean, its deviation, and the share that it could not score.
    ``weighted`` instead brings members of different scales to one.

    Args:
        settings: ``judges``.

    Raises:
        ConfigurationError: a member gives no scores, a weight is no finite number, or two members have one label.

    Example:
        >>> judge = SumOfJudges(judges=[{"name": "verifier", "weight": 2.0}, {"name": "verifier", "label": "again"}])
        >>> judge.labels, judge.weights
        (['verifier', 'again'], [2.0, 1.0])
    """

    id = "sum"
    formula = "Σ_m w_m r_m over the members that can score"
    span = "any, higher is better"
    advice = "A member of larger scale decides: look at the members' own means, which are logged by label."

    judges: Annotated[
        list[dict[str, Any]],
        MinLen(1),
        "the members, each with its name, its keys, a weight (1) and a label for logs (the name of its function)",
    ]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.members = [_built(each, place) for place, each in enumerate(self.judges)]
        self.weights = [_weight(each, place) for place, each in enumerate(self.judges)]
        self.labels = [_label(each) for each in self.judges]
        twice = [label for label, count in Counter(self.labels).items() if count > 1]
        if twice:
            raise ConfigurationError(
                f"Two members of the judge are called {twice[0]!r}.", where="judge", fix="Give one of them a label."
            )

    def together(self, given: Sequence[Sequence[float]]) -> list[float]:
        """The weighted sums; NaN where no member can score."""
        return [_sum(self.weights, each) for each in zip(*given, strict=True)]

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """See `Judge.sampled`: the weighted sums, and each member's own scores."""
        given = [member.sampled(record, responses)[0] for member in self.members]
        return self.together(given), dict(zip(self.labels, given, strict=True))


def _sum(weights: Sequence[float], scores: Sequence[float]) -> float:
    known = [weight * score for weight, score in zip(weights, scores, strict=True) if not math.isnan(score)]
    return sum(known) if known else math.nan


def _built(part: Mapping[str, Any], place: int) -> Judge:
    judge = unread_judge({name: value for name, value in part.items() if name not in OWN})
    if judge is None or not judge.gives_scores:
        raise ConfigurationError(
            f"Member {place + 1} of the judge gives no scores.", where="judge", fix="Name a judge that scores."
        )
    return judge


def _weight(part: Mapping[str, Any], place: int) -> float:
    weight = part.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
        raise ConfigurationError(
            f"The weight of member {place + 1} of the judge is {weight!r}.",
            where="judge.weight",
            fix="Give a finite number.",
        )
    return float(weight)


def _label(part: Mapping[str, Any]) -> str:
    place = str(part.get("path", part.get("name", ""))).rpartition(":")[2]
    return str(part.get("label", place))
