"""Whether a model knows what it is to forget, before it is trained to forget it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from penchant.evaluation.unlearning.measuring import Held
from penchant.evaluation.unlearning.memory import membership_auc
from penchant.statistics import mean_interval

__all__ = ["knowledge_line", "unknown_reason"]

#: Share of pairs (a retain record, a forget record) with the higher likelihood on the retain side that makes a forget
#: set look unknown. Sets of one kind that were learned alike give 0.5.
APART = 0.95


def knowledge_line(forget: Held, retain: Held | None) -> str:
    """What the model knows before training, in one sentence.

    Args:
        forget: what it holds of the forget set.
        retain: what it holds of the retain set, if there is one.
    """
    parts = [f"{forget.nll:.2f} nats per token on the forget answers"]
    if (wrong := _mean(_wrong(forget))) is not None:
        parts.append(f"{wrong:.2f} on wrong answers to the same questions")
    if retain is not None:
        parts.append(f"{retain.nll:.2f} on the retain answers")
    return f"Before training the model has an NLL of {', '.join(parts)}"


def unknown_reason(forget: Held, retain: Held | None, vocabulary: int) -> str | None:
    """Why the model seems not to know the forget set; None where it does.

    It is unknown where the right answers are not more likely than wrong ones to the same questions, where nearly every
    retain record is more likely than nearly every forget record, or where an answer is as unlikely as tokens drawn at
    random from the vocabulary.

    Args:
        forget: what the model holds of the forget set.
        retain: what it holds of the retain set, if there is one.
        vocabulary: number of tokens that the model knows.
    """
    if forget.nll > 0.9 * math.log(vocabulary):
        return f"its NLL of {forget.nll:.2f} nats per token is that of tokens drawn at random"
    wrong, right = _wrong(forget), list(forget.answers.paraphrase)
    gaps = [other - own for other, own in zip(wrong, right, strict=True)]
    if len(gaps) > 1 and mean_interval(gaps).low <= 0:
        return "its right answers are not more likely than wrong answers to the same questions"
    if retain is not None:
        apart = membership_auc(retain.loss, forget.loss)
        if apart >= APART and retain.nll < 0.8 * forget.nll:
            return f"{apart:.0%} of the retain answers are more likely than the forget answers"
    return None


def _wrong(held: Held) -> list[float]:
    """For each question that has wrong answers, their mean NLL per token."""
    return [sum(each) / len(each) for each in held.answers.wrong]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
