"""The figures of unlearning: each with its meaning, its direction, its range, and the line to compare it with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from penchant.evaluation.unlearning.measuring import Held
from penchant.evaluation.unlearning.memory import membership_auc
from penchant.evaluation.unlearning.tofu import forget_quality, model_utility

__all__ = ["Figure", "figures_of"]


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Args:
        key: its name in ``unlearning.json``, such as ``forget/probability``.
        label: what it is, for a table.
        better: ``lower`` or ``higher``, or ``0.5``: the value that is best. Of what is to be forgotten, the goal is the
            value of a model that never saw it, not the end of the range.
        low: the least possible value.
        high: the greatest possible value, or infinity.
        value: the measured number.
    """

    key: str
    label: str
    better: str
    low: float
    high: float
    value: float

    @property
    def range(self) -> str:
        """The range in words.

        Example:
            >>> Figure("forget/nll", "NLL", "higher", 0.0, math.inf, 1.0).range
            'from 0'
        """
        return f"from {self.low:g}" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"

    def as_dict(self) -> dict[str, Any]:
        """The figure for ``unlearning.json``."""
        known = {"key": self.key, "label": self.label, "better": self.better, "range": self.range}
        return {**known, "value": self.value}


def figures_of(sets: Mapping[str, Held], unseen: Held | None = None, retrained: Held | None = None) -> list[Figure]:
    """All figures of one model.

    Args:
        sets: what it holds of ``forget`` and of each set that is kept, by name.
        unseen: what it holds of records like those to forget that were never trained on, for membership inference.
        retrained: what a model that never saw the forget set holds of it, for the forget quality.

    Returns:
        Figures in the order of a table: what is forgotten, then what is kept.
    """
    found: list[Figure] = []
    forget = sets["forget"]
    if retrained is not None and len(forget.answers.wrong) and len(retrained.answers.wrong):
        p_value, statistic = forget_quality(forget.answers, retrained.answers)
        found.append(Figure("forget_quality", "forget quality (p-value)", "higher", 0, 1, p_value))
        found.append(Figure("ks", "KS statistic, truth ratios", "lower", 0, 1, statistic))
    kept = {name: each for name, each in sets.items() if name != "forget"}
    if kept and all(len(each.answers.rouge) and len(each.answers.wrong) for each in kept.values()):
        utility = model_utility({name: each.answers for name, each in kept.items()})
        found.append(Figure("model_utility", "model utility", "higher", 0, 1, utility))
    found += _of_set("forget", forget, forgotten=True)
    if unseen is not None:
        for key, label in (("loss", "by loss"), ("min_k", "by min-k %")):
            value = membership_auc(getattr(forget, key), getattr(unseen, key))
            found.append(Figure(f"membership/{key}", f"membership AUC {label}", "0.5", 0, 1, value))
    for name, each in kept.items():
        found += _of_set(name, each, forgotten=False)
    return found


def _of_set(name: str, held: Held, *, forgotten: bool) -> list[Figure]:
    """The figures of one set."""
    down, up = ("lower", "higher") if forgotten else ("higher", "lower")
    answers = held.answers
    found = [
        Figure(f"{name}/probability", f"{name}: probability", down, 0, 1, answers.probability()),
        Figure(f"{name}/nll", f"{name}: NLL, nats/token", up, 0, math.inf, held.nll),
    ]
    if len(answers.rouge):
        found.append(Figure(f"{name}/rouge", f"{name}: ROUGE-L recall", down, 0, 1, fmean(answers.rouge)))
    if len(answers.wrong):
        ratios = answers.ratios()
        scores = np.minimum(ratios, 1 / np.maximum(ratios, 1e-300)) if forgotten else np.maximum(0, 1 - 1 / ratios)
        found.append(Figure(f"{name}/truth_ratio", f"{name}: truth ratio", "higher", 0, 1, float(scores.mean())))
    strength = fmean(held.extraction)
    return [*found, Figure(f"{name}/extraction", f"{name}: extraction strength", down, 0, 1, strength)]
