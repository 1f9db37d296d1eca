"""The builder ``reward-augmented``: every response is the preferred answer to a request for its own score.

The released script differs in two ways. It keeps pairs of equal scores, which gives two rows with the same goal that
contradict each other; here they are dropped by default. Its branch for models without system messages changes the
first turn in place, which leaves the responses unswapped and puts both goals on one side; this is not reproduced.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row, comparisons, read_template
from penchant.curation.turns import in_user_turns
from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.records import Comparison, Record, Text
from penchant.feedback.validation import number

__all__ = ["PLACES", "TEMPLATE", "Goal", "RewardAugmented", "reward_augmented"]

#: Where the goal is written.
PLACES = ("system", "user")
#: The prompt of the paper; ``{lines}`` has one line per attribute.
TEMPLATE = (
    "You are an assistant that generates responses for the instruction while implicitly achieving the following target "
    "scores (on a scale of {low}-{high}, where {low} is lowest and {high} is highest):\n{lines}."
)
OVERALL = "Overall score"
# Fields of the original preference, which are wrong under the other response's goal.
_OF_THE_ORDER = ("margin", "probability", "chosen_score", "rejected_score", "chosen_scores", "rejected_scores")

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Goal:
    """The wording and position of the request for a score.

    Args:
        place: ``system`` (in the system message, which is added if missing) or ``user`` (before the first user turn). A
            plain-text prompt begins with the goal in both cases.
        scale: lowest and highest score in the wording. At inference, ask for the highest.
        template: the text, with ``{lines}`` (one line per attribute) and optionally ``{low}`` and ``{high}``.

    Raises:
        ConfigurationError: the place is unknown, or the template has no ``{lines}``.

    Example:
        >>> Goal(template="Reach:\\n{lines}").text({"helpfulness": 4.0, "honesty": 2.5})
        'Reach:\\nhelpfulness: 4\\nhonesty: 2.5'
    """

    place: str = "system"
    scale: tuple[float, float] = (1, 10)
    template: str = TEMPLATE

    def __post_init__(self) -> None:
        if self.place not in PLACES:
            raise ConfigurationError(f"There is no place {self.place!r} for the goal.", fix=nearest(self.place, PLACES))
        if "{lines}" not in self.template:
            raise ConfigurationError(
                "The template has no '{lines}', where the scores go.", fix="Add it to the template."
            )

    def text(self, scores: Scores) -> str:
        """The request for scores by attribute; whole numbers have no decimals."""
        lines = "\n".join(f"{name}: {_plain(score)}" for name, score in scores.items())
        low, high = map(_plain, self.scale)
        # Not `format`: a template may contain other braces. Lines come last, as an attribute may contain a placeholder.
        return self.template.replace("{low}", str(low)).replace("{high}", str(high)).replace("{lines}", lines)

    def before(self, record: Comparison, scores: Scores) -> Text:
        """A copy of the record's prompt that begins with the request for the scores.

        Raises:
            DataError: the goal belongs in a user turn, but the prompt has none.
        """
        prompt, goal = record.prompt, self.text(scores)
        if isinstance(prompt, str):
            return f"{goal}\n\n{prompt}"
        if self.place == "user":
            return in_user_turns(prompt, record, before=f"{goal}\n\n")
        turns = deepcopy(prompt)
        if turns[0]["role"] == "system":
            # Many chat templates refuse a second system message.
            turns[0]["content"] = f"{goal}\n\n{turns[0].get('content') or ''}"
            return turns
        return [{"role": "system", "content": goal}, *turns]


class RewardAugmented(Builder):
    """Every pair twice: with a request for the chosen response's score, and swapped for the rejected one's.

    Zhang et al. (2024), section 3:

    (x, y_w, y_l, r_w, r_l)  →  (goal(r_w) + x, y_w ≻ y_l)  and  (goal(r_l) + x, y_l ≻ y_w)

    Under the goal g the reward of a response is r(x, y, g) = −(g − r(x, y))², so the rejected response is the better
    answer to a request for its own score. Rows contain those rewards as ``chosen_score`` (always 0) and
    ``rejected_score``, and as ``goal`` the score of the chosen response. Scores of several attributes are compared by
    their mean. Margin and probability of the original preference are dropped, because they do not apply to the new one.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "Hi", "chosen": "Yes?", "rejected": "No", "chosen_score": 9, "rejected_score": 2}])
        >>> [row["goal"] for row in RewardAugmented(originals=1.0).build(pairs).rows if "goal" in row]
        [9, 2]

    Reference:
        Zhang et al. (2024), Reward-Augmented Data Enhances Direct Preference Alignment of LLMs, arXiv:2410.08067.
    """

    id = "reward-augmented"
    reads = "comparisons with chosen_score and rejected_score, or with chosen_scores and rejected_scores by attribute"
    writes = ("goal", "chosen_score", "rejected_score")

    place: Annotated[Literal["system", "user"], "where the goal is written; user: before the first user turn"] = (
        "system"
    )
    low: Annotated[float, "lowest score of the scale"] = 1.0
    high: Annotated[float, "highest score of the scale"] = 10.0
    template: Annotated[
        str | None, "template file with {lines}, and optionally {low}, {high}; default: the paper's text"
    ] = None
    keep_equal: Annotated[bool, "keep pairs with equal scores"] = False
    originals: Annotated[float, Interval(ge=0, le=1), "share of the original rows to add"] = 0.0
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the rows of both goals, and the original rows."""
        template = TEMPLATE if self.template is None else read_template(self.template)
        goal = Goal(self.place, (self.low, self.high), template)
        return reward_augmented(records, goal, keep_equal=self.keep_equal, originals=self.originals, seed=self.seed)


def reward_augmented(
    records: Iterable[Record],
    goal: Goal | None = None,
    *,
    keep_equal: bool = False,
    originals: float = 0.0,
    seed: int = 0,
) -> Built:
    """The rows of `RewardAugmented`: first goals of the chosen responses, then of the rejected ones, then originals.

    Args:
        records: comparisons with ``chosen_score`` and ``rejected_score``, or with objects of numbers by attribute.
        goal: wording and position of the goal; default: as in the paper.
        keep_equal: keep pairs with equal scores.
        originals: share of the original records, in [0, 1], to add unchanged.
        seed: seed of drawing the originals.

    Raises:
        DataError: a record has no scores, or scores of different attributes.
        ConfigurationError: ``originals`` is out of range.
    """
    if not 0 <= originals <= 1:
        raise ConfigurationError(f"originals is {originals}; expected a share from 0 to 1.")
    built = Built([])
    used = list(_used(records, keep_equal, built))
    built.rows.extend(_both_ways(used, goal or Goal()))
    drawn = sorted(random.Random(seed).sample(range(len(used)), round(originals * len(used))))
    built.rows.extend(as_row(used[at][0]) for at in drawn)
    built.count("rows with a goal", 2 * len(used))
    built.count("original rows", len(drawn))
    return built


def _both_ways(used: Sequence[tuple[Comparison, Scores, Scores]], goal: Goal) -> list[dict[str, Any]]:
    """The rows that ask for the scores of chosen responses, then those for rejected ones."""
    rows = [_row(record, goal, high, low) for record, high, low in used]
    return rows + [_row(_swapped(record), goal, low, high) for record, high, low in used]


def _used(records: Iterable[Record], keep_equal: bool, built: Built) -> Iterator[tuple[Comparison, Scores, Scores]]:
    """The records whose scores agree with their order, with the scores of both responses."""
    for record in comparisons(records, "reward-augmented"):
        built.count("records read")
        high, low = _scores(record)
        if _mean(high) < _mean(low):
            built.count("dropped: the rejected response has the higher score")
        elif high == low and not keep_equal:
            built.count("dropped: equal scores")
        else:
            yield record, high, low


def _swapped(record: Comparison) -> Comparison:
    return replace(record, chosen=record.rejected, rejected=record.chosen)


def _scores(record: Comparison) -> tuple[Scores, Scores]:
    """The scores of the chosen and the rejected response, by attribute."""
    fields = record.fields
    if "chosen_scores" in fields and "rejected_scores" in fields:
        pair = fields["chosen_scores"], fields["rejected_scores"]
        if not all(isinstance(each, Mapping) and each for each in pair) or list(pair[0]) != list(pair[1]):
            raise DataError(
                "'chosen_scores' and 'rejected_scores' have different attributes.",
                where=str(record.source),
                fix='Write both as objects with the same names: {"helpfulness": 4, "honesty": 5}.',
            )
        high, low = ({str(name): number(each[name], str(name), record.source) for name in each} for each in pair)
        return high, low
    if "chosen_score" not in fields or "rejected_score" not in fields:
        have = ", ".join(sorted(fields)) or "none"
        raise DataError(
            f"The record has no scores for its two responses (other fields: {have}).",
            where=str(record.source),
            fix="Add chosen_score and rejected_score, or map them: --map chosen_score=COLUMN.",
        )
    return {OVERALL: float(fields["chosen_score"])}, {OVERALL: float(fields["rejected_score"])}


def _row(record: Comparison, goal: Goal, reached: Scores, other: Scores) -> dict[str, Any]:
    """One row: ``reached`` are the scores of its chosen response, which the goal asks for."""
    row = {name: value for name, value in as_row(record).items() if name not in _OF_THE_ORDER}
    row["prompt"] = goal.before(record, reached)
    missed = sum((reached[name] - other[name]) ** 2 for name in reached) / len(reached)
    wanted = {name: _plain(score) for name, score in reached.items()}
    return {
        **row,
        "goal": wanted[OVERALL] if list(wanted) == [OVERALL] else wanted,
        "chosen_score": 0.0,
        "rejected_score": -missed,
    }


def _mean(scores: Scores) -> float:
    return sum(scores.values()) / len(scores)


def _plain(score: float) -> float | int:
    return int(score) if score == int(score) else score
