"""Explicit and implicit reward trained on the same pairs, and compared on held-out pairs and under shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import torch

from penchant.diagnostics.generalization import Generalization, Scores, compare_rewards, pair_accuracy
from penchant.diagnostics.pair_figures import column
from penchant.diagnostics.pairs import pairs_of_feedback
from penchant.diagnostics.shifts import SHIFTS, shifted
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.scoring import score
from penchant.feedback.collection import Feedback
from penchant.feedback.reading import read
from penchant.feedback.records import Comparison
from penchant.rewards.models import RewardModel
from penchant.rewards.scores import scored
from penchant.training.api import train

__all__ = ["OWN", "RewardStudy", "reward_generalization"]

#: The name of the held-out pairs with the distribution of the training data.
OWN = "held out"
_OBJECTIVES = {"explicit": "bt", "implicit": "dpo"}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class RewardStudy:
    """The accuracies of both rewards.

    Args:
        seeds: one comparison for each seed; its sets are ``held out``, ``training`` and the shifts.
        learning_rates: the chosen one of both arms, by seed.
        pairs: number of pairs by set.
        betas: the chosen β of DPO, by seed.
    """

    seeds: list[Generalization]
    learning_rates: list[dict[str, float]]
    pairs: dict[str, int]
    betas: list[float] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        """Mean accuracies of both, and the drop explicit − implicit with its values by seed, for every set."""
        found = []
        for name, count in self.pairs.items():
            sides = [[getattr(each, kind)[name] for each in self.seeds] for kind in _OBJECTIVES]
            drops = [one - other for one, other in zip(*sides, strict=True)]
            means = {kind: sum(side) / len(side) for kind, side in zip(_OBJECTIVES, sides, strict=True)}
            found.append({"set": name, "pairs": count, **means, "drop": sum(drops) / len(drops), "drops": drops})
        return found

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        shifts = [row for row in self.rows() if row["set"] not in (OWN, "training")]
        drops = [row["drop"] for row in shifts]
        return {
            "sets": self.rows(),
            "mean_drop": sum(drops) / len(drops),
            "max_drop": max(drops),
            "learning_rates": self.learning_rates,
            "betas": self.betas,
        }


def reward_generalization(
    model: str | Path,
    data: Any,
    output: str | Path,
    *,
    further: Mapping[str, Any] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    learning_rates: Sequence[float] = (1e-4,),
    betas: Sequence[float] = (0.1,),
    reading: Mapping[str, Any] | None = None,
    **recipe: Any,
) -> RewardStudy:
    """Train a reward model and a DPO policy from one model on the same pairs, and compare how they generalise.

    A quarter of the prompts is held out: one half of it chooses each arm's learning rate, the other half is measured,
    as it is and under the five shifts of `SHIFTS`. Explicit: the head of ``bt``. Implicit: log π/π_ref of ``dpo``. Both
    arms have the same start, pairs, order, steps and learning rates to choose from.

    Args:
        model: folder or hub id that both start from.
        data: comparisons.
        output: folder of the runs.
        further: comparisons from other distributions, by name.
        seeds: of the order of the training pairs and of the new head.
        learning_rates: to choose from.
        betas: of DPO, to choose from: how strongly training holds the policy to its start.
        reading: ``mapping``, ``split`` and ``on_bad`` of the data.
        recipe: further keys of both runs, such as ``epochs``, ``batch_size``, ``max_length``.

    Raises:
        DataError: there are too few pairs to hold some out.
        PenchantError: the data, the model or the recipe cannot be used.

    Reference:
        Lin et al. (2024), On the Limited Generalization Capability of the Implicit Reward Model Induced by Direct
        Preference Optimization, arXiv:2409.03650.
    """
    feedback = read(data, **dict(reading or {}))
    training, validation, sets = _sets(feedback)
    on_bad = dict(reading or {}).get("on_bad", "stop")
    for name, source in (further or {}).items():
        sets[name] = [_row(record) for record in _comparisons(read(source, on_bad=on_bad))]
    study = _Study(str(model), training, validation, sets, Path(output), learning_rates, betas, recipe)
    found = [study.run(seed) for seed in seeds]
    both = [compare_rewards(scores["explicit"], scores["implicit"], OWN) for scores, _, _ in found]
    pairs = {name: len(each[0]) for name, each in found[0][0]["explicit"].items()}
    return RewardStudy(both, [rates for _, rates, _ in found], pairs, [beta for _, _, beta in found])


@dataclass(frozen=True)
class _Study:
    """What the runs of all seeds share."""

    model: str
    training: Rows
    validation: Rows
    sets: Mapping[str, Rows]
    output: Path
    learning_rates: Sequence[float]
    betas: Sequence[float]
    recipe: Mapping[str, Any]

    def run(self, seed: int) -> tuple[dict[str, dict[str, Scores]], dict[str, float], float]:
        """The scores of both arms on every set, their learning rates, and the β of the implicit one."""
        options = {key: self.recipe[key] for key in ("chat_template", "max_length", "truncation") if key in self.recipe}
        scores, chosen = {}, {}
        for arm, objective in _OBJECTIVES.items():
            tried: dict[tuple[float, float], Path] = {}
            betas = self.betas if arm == "implicit" else self.betas[:1]
            for rate, beta in product(self.learning_rates, betas):
                named = f"{arm}-{seed}-{rate:g}" + (f"-{beta:g}" if len(betas) > 1 else "")
                own = {"seed": seed, "learning_rate": rate, **self.recipe}
                given: Any = {"name": objective, "beta": beta} if arm == "implicit" else objective
                train(self.model, self.training, given, self.output / named, **own)
                tried[rate, beta] = self.output / named / "model"
            measure = _Measure(arm, self.model, options)
            chosen[arm] = _best(measure, tried, self.validation)
            scores[arm] = {name: measure(tried[chosen[arm]], rows) for name, rows in self.sets.items()}
        rates = {arm: rate for arm, (rate, _) in chosen.items()}
        return _on_the_same_pairs(scores), rates, chosen["implicit"][1]


def _on_the_same_pairs(scores: dict[str, dict[str, Scores]]) -> dict[str, dict[str, Scores]]:
    """The scores of pairs that both arms have: pairs too long for the policy are NaN and left out of both."""
    found: dict[str, dict[str, Scores]] = {arm: {} for arm in scores}
    for name in scores["explicit"]:
        known = ~torch.isnan(torch.stack([side for arm in scores for side in scores[arm][name]])).any(0)
        for arm in scores:
            first, second = scores[arm][name]
            found[arm][name] = (first[known], second[known])
    return found


def _best(measure: _Measure, tried: Mapping[tuple[float, float], Path], validation: Rows) -> tuple[float, float]:
    """The learning rate and β whose model ranks most validation pairs right; the first of equals."""
    if len(tried) == 1:
        return next(iter(tried))

    def accuracy(settings: tuple[float, float]) -> float:
        chosen, rejected = measure(tried[settings], validation)
        known = ~chosen.isnan()
        return pair_accuracy(chosen[known], rejected[known])

    return max(tried, key=accuracy)


@dataclass(frozen=True)
class _Measure:
    """The scores of a trained arm on pairs."""

    arm: str
    start: str
    options: Mapping[str, Any]

    def __call__(self, folder: Path, rows: Rows) -> Scores:
        feedback = read(rows)
        if self.arm == "implicit":
            found = score(str(folder), feedback, reference=self.start, **self.options)
            place = {str(record.source): number for number, record in enumerate(feedback)}
            kept = [place[row["source"]] for row in found.rows]
            both = torch.full((2, len(rows)), torch.nan, dtype=torch.float64)
            both[0, kept], both[1, kept] = column(found, "logratio", 0), column(found, "logratio", 1)
            return both[0], both[1]
        judge = RewardModel(str(folder))
        given = torch.tensor([scored(judge, each, each.responses) for each in feedback], dtype=torch.float64)
        return given[:, 0], given[:, 1]


def _comparisons(feedback: Feedback) -> list[Comparison]:
    found = [record for record in feedback if isinstance(record, Comparison)]
    if not found:
        raise DataError(
            f"The feedback is of kind {feedback.kind!r}; rewards are compared on comparisons.",
            where=feedback.name,
            fix="Give a file with prompt, chosen and rejected.",
        )
    return found


def _row(record: Comparison) -> dict[str, Any]:
    return {"prompt": record.prompt, "chosen": record.chosen, "rejected": record.rejected}


def _sets(feedback: Feedback) -> tuple[Rows, Rows, dict[str, Rows]]:
    """Training pairs, validation pairs, and the sets to measure: no two of them share a first message of the user."""
    _comparisons(feedback)
    pairs = pairs_of_feedback(feedback)
    held = pairs.held_out(0.25)
    choosing = pairs.held_out(0.5, seed=1)
    parts = [
        [pair.record for pair, own in zip(pairs.pairs, mask, strict=True) if own]
        for mask in (~held, held & choosing, held & ~choosing)
    ]
    few = [len(part) for part in parts]
    if min(few) < 2:
        raise ConfigurationError(
            f"{len(pairs)} pairs are too few: {few[0]} would be trained on, {few[1]} would choose the learning rate, "
            f"and {few[2]} would be measured.",
            where=feedback.name,
            fix="Give some hundred comparisons with different prompts.",
        )
    training, validation, own = parts
    sets = {OWN: [_row(each) for each in own], "training": [_row(each) for each in training[: len(own)]]}
    sets |= {name: [dict(shifted(each, name)) for each in own] for name in SHIFTS}
    return [_row(each) for each in training], [_row(each) for each in validation], sets
