"""`personal_judges`: a reward model for all annotators, and one for each that goes on from it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from penchant.curation.people.majority import Majority, annotator_of, item_of
from penchant.curation.rows import as_row, comparisons
from penchant.diagnostics.generalization import pair_accuracy
from penchant.errors import DataError
from penchant.feedback.reading import read
from penchant.feedback.records import Comparison
from penchant.rewards.models import RewardModel
from penchant.rewards.scores import scored
from penchant.statistics import Interval, share_interval, student_interval
from penchant.training.api import train
from penchant.training.people.agreement import agreement_of

__all__ = ["ARMS", "PersonalJudges", "personal_judges"]

#: The arms: all majority labels, as many of them as one person has pairs, and the person's own judge.
ARMS = ("all", "as many", "own")


@dataclass(frozen=True)
class PersonalJudges:
    """Accuracies by annotator.

    Args:
        agreement: Krippendorff's α of the annotators; NaN if no pair has two labels.
        trained: pairs by annotator, and of the aggregated models under ``all`` and ``as many``.
        tested: held-out pairs by annotator.
        accuracy: by arm, then by annotator.
        left_out: training pairs of those who have no judge: too few of them, or nothing that is held out.
    """

    agreement: float
    trained: dict[str, int]
    tested: dict[str, int]
    accuracy: dict[str, dict[str, float]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def of(self, arm: str, annotator: str) -> Interval:
        """The accuracy for one annotator with its 95 % interval."""
        return share_interval(self.accuracy[arm][annotator], self.tested[annotator])

    def macro(self, arm: str) -> Interval:
        """The mean over annotators, each counting once, with Student's interval over them."""
        values = list(self.accuracy[arm].values())
        over = student_interval(values) if len(values) > 1 else Interval.around(values[0], 0.0)
        return over.within(0.0, 1.0)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "agreement": self.agreement,
            "trained": self.trained,
            "tested": self.tested,
            "left_out": self.left_out,
            "accuracy": self.accuracy,
            "macro": {arm: fmean(own.values()) for arm, own in self.accuracy.items()},
        }


def personal_judges(
    model: str | Path,
    data: Any,
    output: str | Path,
    *,
    annotator: str = "annotator",
    grade: str | None = None,
    held_out: float = 0.25,
    least: int = 4,
    seed: int = 0,
    personal: Mapping[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
    **recipe: Any,
) -> PersonalJudges:
    """Train a reward model on majority labels, and from it one for each annotator; measure both for each annotator.

    Three arms: ``all``, trained on majority labels; ``as many``, on as many of these as an annotator has pairs on
    average; ``own``, which goes on from ``all`` on the annotator's own pairs. A share of the prompts is held out for
    all alike. Models: ``all/model``, ``as-many/model``, ``people/NAME/model``.

    Args:
        model: folder or hub id that all start from.
        data: comparisons with an annotator.
        output: folder of the runs.
        annotator: field that names the annotator.
        grade: field that says how much better, for the agreement.
        held_out: share of the prompts.
        least: annotators with fewer training pairs, or none held out, get no judge.
        seed: of the split and of the runs.
        personal: recipe keys of the runs for one person alone, such as ``lora`` or ``learning_rate``.
        reading: ``mapping``, ``split`` and ``on_bad`` of the data.
        recipe: recipe keys of all runs.

    Raises:
        PenchantError: a record has no annotator, nobody has enough pairs, or model or recipe cannot be used.

    Reference:
        Peng, Bigham, Wu (2025), DesignPref: Capturing Personal Preferences in Visual Design Generation,
        arXiv:2511.20513. The protocol is read from its abstract.
    """
    pairs = comparisons(read(data, **dict(reading or {})), "personal judges")
    known, asked = _split(pairs, held_out, seed)
    folders = _people(known, asked, annotator, least)
    of_known, of_asked = (_by_annotator(part, folders, annotator) for part in (known, asked))
    shared = list(Majority(annotator=annotator).build(known).rows)
    random.Random(seed).shuffle(shared)
    few = shared[: round(fmean(map(len, of_known.values())))]
    runs = _Runs(Path(output), {"samples": 0, "seed": seed, **recipe}, of_asked)
    accuracy: dict[str, dict[str, float]] = {
        "all": runs.trained(model, shared, "all", {}, folders),
        "as many": runs.trained(model, few, "as-many", {}, folders),
        "own": {},
    }
    for name, place in folders.items():
        own = [as_row(pair) for pair in of_known[name]]
        accuracy["own"] |= runs.trained(runs.output / "all/model", own, f"people/{place}", personal or {}, [name])
    trained = {"all": len(shared), "as many": len(few), **{name: len(own) for name, own in of_known.items()}}
    tested = {name: len(own) for name, own in of_asked.items()}
    alpha, others = agreement_of(pairs, annotator, grade), _left_out(pairs, known, folders, annotator)
    return PersonalJudges(alpha, trained, tested, accuracy, others)


def _left_out(
    pairs: Sequence[Comparison], known: Sequence[Comparison], people: Iterable[str], annotator: str
) -> dict[str, int]:
    """The training pairs of those who get no judge."""
    others = dict.fromkeys(name for pair in pairs if (name := annotator_of(pair, annotator)) not in set(people))
    return {name: len(own) for name, own in _by_annotator(known, others, annotator).items()}


@dataclass(frozen=True)
class _Runs:
    """What the runs share."""

    output: Path
    recipe: Mapping[str, Any]
    asked: Mapping[str, Sequence[Comparison]]

    def trained(
        self, start: Any, rows: Sequence[dict[str, Any]], place: str, keys: Mapping[str, Any], people: Iterable[str]
    ) -> dict[str, float]:
        """Train a reward model; its accuracy for each of these people."""
        train(str(start), list(rows), "bt", self.output / place, **{**self.recipe, **keys})
        judge = RewardModel(str(self.output / place / "model"))
        return {name: _accuracy(judge, self.asked[name]) for name in people}


def _by_annotator(pairs: Sequence[Comparison], people: Iterable[str], annotator: str) -> dict[str, list[Comparison]]:
    return {name: [pair for pair in pairs if annotator_of(pair, annotator) == name] for name in people}


def _split(pairs: Sequence[Comparison], share: float, seed: int) -> tuple[list[Comparison], list[Comparison]]:
    """The pairs of most prompts, and of the held-out ones."""
    prompts = list(dict.fromkeys(item_of(pair)[0] for pair in pairs))
    random.Random(seed).shuffle(prompts)
    held = set(prompts[: max(1, round(share * len(prompts)))])
    known = [pair for pair in pairs if item_of(pair)[0] not in held]
    return known, [pair for pair in pairs if item_of(pair)[0] in held]


def _people(known: Sequence[Comparison], asked: Sequence[Comparison], annotator: str, least: int) -> dict[str, str]:
    """The annotators with enough pairs, in the order of the file, with the names of their folders."""
    of_known, of_asked = ([annotator_of(pair, annotator) for pair in part] for part in (known, asked))
    enough = [name for name in dict.fromkeys(of_known) if of_known.count(name) >= least and name in of_asked]
    if not enough:
        raise DataError(
            f"No annotator has {least} pairs to train on and one on a held-out prompt; there are "
            f"{len(set(of_known + of_asked))} annotators.",
            fix="Give more comparisons by each, or a smaller --least.",
        )
    plain = all(name.replace("-", "").replace("_", "").isalnum() for name in enough)
    return {name: name if plain else str(place) for place, name in enumerate(enough)}


def _accuracy(judge: RewardModel, pairs: Sequence[Comparison]) -> float:
    scores = torch.tensor([scored(judge, pair, pair.responses) for pair in pairs], dtype=torch.float64)
    return pair_accuracy(scores[:, 0], scores[:, 1])
