"""How differently people weigh a feature (WIMHF), and what a few of a person's labels say of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from penchant.diagnostics.features.discovery import Discovery
from penchant.diagnostics.features.mixed import MixedEffect, mixed_effect, posterior
from penchant.diagnostics.pairs import DataPairs
from penchant.diagnostics.regression import area_under_curve
from penchant.errors import ConfigurationError, DataError, nearest

__all__ = ["FewLabels", "People", "compare_people", "few_labels"]

#: Labels of a person from which the rest is predicted, as in the paper.
EXAMPLES = 16
#: Features with the largest certainty of a spread that are tried on few labels.
_TRIED = 3


@dataclass(frozen=True)
class FewLabels:
    """What some labels of people who were not fitted say of their other labels.

    Args:
        how: how the labels were chosen: ``random``, or those with the largest feature in size (``largest``).
        labels: chosen of each person.
        people: number of people who have enough.
        pairs: that are predicted.
        general: area under the ROC curve by β alone.
        personal: area by β and the person's posterior mean.
    """

    how: str
    labels: int
    people: int
    pairs: int
    general: float
    personal: float


@dataclass(frozen=True)
class People:
    """How people differ in what they reward.

    Args:
        by: the field of the records that names who judged.
        names: of the people.
        counts: pairs of each.
        rows: a row per feature, the most certain spread first: ``feature``, ``rewarded``, ``punished`` (words),
            ``coefficient``, ``spread``, ``p``, ``certain``, and ``lowest`` and ``highest``: the name, the posterior
            mean of β + b and its standard deviation of the person with the smallest and the largest one.
        few: by feature, what a few labels say.
        notes: what was left out.
    """

    by: str
    names: list[str]
    counts: list[int]
    rows: list[dict[str, Any]]
    few: dict[int, list[FewLabels]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        few = [{"feature": place, **vars(each)} for place, found in self.few.items() for each in found]
        pairs = dict(zip(self.names, self.counts, strict=True))
        return {"field": self.by, "pairs": pairs, "features": self.rows, "few_labels": few, "notes": self.notes}


def compare_people(pairs: DataPairs, found: Discovery, by: str, examples: int = EXAMPLES) -> People:
    """Fit how differently people weigh each feature, and whether a few labels of a person tell.

    logit P(A ≻ B) = (β_j + b_{j,u}) z_j + γ ℓ_Δ,   b_{j,u} ~ N(0, τ_j²)

    Args:
        pairs: of all people.
        found: their features.
        by: a field of the records that names who judged.
        examples: labels of a person from which the rest is predicted.

    Raises:
        ConfigurationError: no record has the field.
        DataError: all records are of one person.

    Reference:
        Movva et al. (2025), What's In My Human Feedback?, section on personalisation.
    """
    names, people, kept = _people(pairs, by)
    activations, labels = found.activations[kept], pairs.labels[kept]
    length = pairs.length_difference[kept]
    rows: list[dict[str, Any]] = []
    for row in found.rows():
        place = int(str(row["feature"]))
        effect = mixed_effect(activations[:, place], length, labels, people)
        rows.append(_row(effect, row, float(found.effects.coefficients[place]) >= 0, names, len(found.names)))
    rows.sort(key=lambda row: (row["p"], -row["spread"]))
    notes = [] if kept.all() else [f"{int((~kept).sum())} pairs without {by!r} are left out where people are compared."]
    few: dict[int, list[FewLabels]] = {}
    ways: tuple[Literal["random"], Literal["largest"]] = ("random", "largest")
    for row in rows[:_TRIED]:
        place = int(str(row["feature"]))
        z = activations[:, place]
        tried = [few_labels(z, length, labels, people, examples=examples, how=how) for how in ways]
        if all(each is not None for each in tried):
            few[place] = [each for each in tried if each is not None]
    if not few:
        notes.append(
            f"No few labels are tried: that needs two people with {2 * examples} pairs or more, and labels of both "
            "kinds among those that are predicted."
        )
    counts = np.bincount(people, minlength=len(names)).tolist()
    return People(by, names, counts, rows, few, notes)


def few_labels(
    z: np.ndarray,
    length: np.ndarray,
    labels: np.ndarray,
    people: np.ndarray,
    *,
    examples: int = EXAMPLES,
    how: Literal["random", "largest"] = "random",
    folds: int = 5,
    seed: int = 0,
) -> FewLabels | None:
    """Predict labels of people who were not fitted, from a few of their own.

    Args:
        z: [N] a feature of the pairs.
        length: [N] words of A less words of B.
        labels: [N] 1 where A is preferred.
        people: [N] numbers of the people.
        examples: labels of each person that are shown.
        how: which of half of their pairs: at random, or where the feature is largest in size; the other half is
            predicted.
        folds: parts of the people; each is predicted by a model of the others.
        seed: of folds and random labels.

    Returns:
        None where fewer than two people have enough pairs, or the predicted labels are all equal.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(people)
    able = rng.permutation(np.flatnonzero(counts >= 2 * examples))
    if len(able) < 2:
        return None
    general, personal, truth = [], [], []
    for fold in np.array_split(able, min(folds, len(able))):
        away = np.isin(people, fold)
        effect = mixed_effect(z[~away], length[~away], labels[~away], people[~away])
        for person in fold:
            own = rng.permutation(np.flatnonzero(people == person))
            # The same pairs are predicted however the labels are chosen.
            half, rest = own[: len(own) // 2], own[len(own) // 2 :]
            shown = (half if how == "random" else half[np.argsort(-np.abs(z[half]), kind="stable")])[:examples]
            mean, _spread = posterior(effect, z[shown], length[shown], labels[shown])
            base = effect.logits(z[rest], length[rest])
            general.append(base)
            personal.append(base + mean * z[rest] / effect.scale)
            truth.append(labels[rest])
    right = np.concatenate(truth)
    if right.min() == right.max():
        return None
    areas = [area_under_curve(np.concatenate(each), right) for each in (general, personal)]
    return FewLabels(how, examples, len(able), len(right), *areas)


def _people(pairs: DataPairs, by: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The names, [N'] the number of who judged each kept pair, and [N] which pairs are kept."""
    values: Sequence[Any] = [pair.record.fields.get(by) for pair in pairs.pairs]
    known = [value for value in values if value is not None]
    if not known:
        fields = {name for pair in pairs.pairs for name in pair.record.fields}
        raise ConfigurationError(
            f"No record has the field {by!r}.", where="--people", fix=nearest(by, fields) or "Give one of the fields."
        )
    names = sorted({str(value) for value in known})
    if len(names) < 2:
        raise DataError(
            f"All records have the same {by!r}, {names[0]!r}.",
            where=pairs.name,
            why="How people differ needs two or more.",
            fix="Give the field that names who judged, or leave --people out.",
        )
    number = {name: place for place, name in enumerate(names)}
    kept = np.array([value is not None for value in values])
    return names, np.array([number[str(value)] for value in known]), kept


def _row(
    effect: MixedEffect, row: dict[str, object], positive: bool, names: list[str], features: int
) -> dict[str, Any]:
    """A feature's row, turned so that what is rewarded on the whole comes first; ``positive``: it is in ``row``."""
    turned = -1.0 if effect.coefficient < 0 else 1.0
    same = (effect.coefficient >= 0) == positive
    rewarded, punished = (row["rewarded"], row["punished"]) if same else (row["punished"], row["rewarded"])
    own = turned * (effect.coefficient + effect.means)
    ends = {}
    for name, place in (("lowest", int(own.argmin())), ("highest", int(own.argmax()))):
        ends[name] = [names[place], float(own[place]), float(effect.spreads[place])]
    return {
        "feature": row["feature"],
        "rewarded": rewarded,
        "punished": punished,
        "coefficient": abs(effect.coefficient),
        "spread": effect.spread,
        "p": effect.p,
        "certain": effect.p < 0.05 / features,
        **ends,
    }
