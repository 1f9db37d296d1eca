"""The relearning attack: how fast a model that has forgotten learns again from a few of the forgotten records."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import torch

from penchant.errors import ConfigurationError
from penchant.evaluation.unlearning.measuring import Subject, measure_set
from penchant.evaluation.unlearning.questions import QuestionSet
from penchant.likelihood.forest_scorer import scorer_of
from penchant.likelihood.logps import token_logps

__all__ = ["Attack", "relearning_curve"]


@dataclass(frozen=True)
class Attack:
    """A relearning attack.

    Args:
        records: number of forgotten records that the attacker has.
        steps: optimizer steps on them, all in each step; 0 for no attack.
        points: number of measurements beside the one at the start.
        learning_rate: of AdamW.

    Raises:
        ConfigurationError: a number is out of range.
    """

    records: int = 5
    steps: int = 20
    points: int = 5
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        if self.records < 1 or self.steps < 0 or self.points < 1 or not self.learning_rate > 0:
            raise ConfigurationError(
                f"A relearning attack with {self.records} records, {self.steps} steps and the learning rate "
                f"{self.learning_rate} is not possible.",
                fix="Give at least one record, 0 or more steps, and a learning rate above 0.",
            )

    @property
    def measured_at(self) -> list[int]:
        """The steps at which the model is measured, from 0."""
        every = max(1, math.ceil(self.steps / self.points))
        return sorted({*range(0, self.steps, every), self.steps})


def relearning_curve(subject: Subject, forget: QuestionSet, attack: Attack) -> list[dict[str, float]]:
    """Fine-tune a copy of a model on a few forgotten records, and measure how much of the forget set returns.

    loss = NLL over all tokens of the attacker's answers, nats per token

    The records are spread evenly over the set. The measurement is on the other records, which the attacker does not
    have; on all if there are no others. A model that never saw the set, attacked in the same way, is the reference:
    what returns faster than it learns was hidden, not forgotten.

    Args:
        subject: the model; it is not changed.
        forget: the forgotten questions.
        attack: what the attacker does.

    Returns:
        For each measured step ``step``, ``nll`` (nats per token) and ``probability`` (mean exp(−nll), in [0, 1]) of the
        other records, and ``nll_seen`` of the attacker's.

    Reference:
        Hu, Fu, Wu, Smith (2024), Jogging the Memory of Unlearned Models Through Targeted Relearning Attacks,
        arXiv:2406.13356.
    """
    count = min(attack.records, len(forget))
    held = [place * len(forget) // count for place in range(count)]
    seen = replace(forget, questions=tuple(forget.questions[place] for place in held))
    rest = tuple(each for place, each in enumerate(forget.questions) if place not in set(held))
    others = replace(forget, questions=rest) if rest else forget
    attacked = replace(subject, model=copy.deepcopy(subject.model).float(), scorer=None)
    attacked.model.requires_grad_(True)
    sequences = [attacked.sequence(each.prompt, each.answer) for each in seen.questions]
    tokens = sum(each.length for each in sequences)
    optimizer = torch.optim.AdamW(attacked.model.parameters(), lr=attack.learning_rate, weight_decay=0.0)
    curve: list[dict[str, float]] = []
    with scorer_of(attacked.model) as scorer:
        for step in range(attack.steps + 1):
            if step in attack.measured_at:
                curve.append({"step": step, **_point(replace(attacked, scorer=scorer), others, seen)})
            if step == attack.steps:
                break
            optimizer.zero_grad()
            (-token_logps(scorer, sequences).sum() / tokens).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return curve


def _point(subject: Subject, others: QuestionSet, seen: QuestionSet) -> dict[str, float]:
    found, own = (measure_set(subject, each, say=False) for each in (others, seen))
    return {"nll": found.nll, "probability": found.answers.probability(), "nll_seen": own.nll}
