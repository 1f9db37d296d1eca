"""`evaluate_unlearning`: the figures of models on the sets to forget and to keep, as one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError
from penchant.evaluation.unlearning.figures import Figure, figures_of
from penchant.evaluation.unlearning.measuring import Held, Subject, measure_set
from penchant.evaluation.unlearning.questions import QuestionSet, questions_of
from penchant.evaluation.unlearning.relearning import Attack, relearning_curve
from penchant.feedback.records import as_text
from penchant.feedback.sources import read_sources
from penchant.likelihood.context import length_limit
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["Measured", "Sets", "evaluate_unlearning", "load_subject", "measure_model", "read_sets", "report_of"]

#: Sets whose probability TOFU takes relative to wrong answers are all but these.
ABSOLUTE = ("forget", "retain")
#: Greedy answers that a report shows.
SHOWN = 6


@dataclass(frozen=True)
class Sets:
    """The sets of questions of an evaluation.

    Args:
        forget: what is to be forgotten.
        kept: what is to be kept, by name; ``retain`` first.
        unseen: records like those to forget that no model was trained on, for membership inference.
    """

    forget: QuestionSet
    kept: Mapping[str, QuestionSet] = field(default_factory=dict)
    unseen: QuestionSet | None = None

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know."""
        every = [self.forget, *self.kept.values(), *([] if self.unseen is None else [self.unseen])]
        return [note for each in every for note in each.notes]


@dataclass(frozen=True)
class Measured:
    """What one model holds of all sets."""

    sets: Mapping[str, Held]
    unseen: Held | None = None

    def figures(self, retrained: Measured | None = None) -> list[Figure]:
        """The figures of the model, with forget quality if a model that never saw the forget set was measured too."""
        return figures_of(self.sets, self.unseen, None if retrained is None else retrained.sets["forget"])


def read_sets(
    forget: Any,
    retain: Any = None,
    *,
    kept: Mapping[str, Any] | None = None,
    holdout: Any = None,
    limit: int | None = 100,
    **reading: Any,
) -> Sets:
    """Read the sets of an evaluation.

    Args:
        forget: what is to be forgotten: anything that `penchant.feedback.read` accepts.
        retain: what is to be kept, or None.
        kept: further sets to keep by name, such as ``real_authors`` and ``world_facts``.
        holdout: records like those to forget that no model was trained on.
        limit: at most this many questions of each set, evenly spaced.
        reading: options of `penchant.feedback.read`.

    Raises:
        DataError: a set cannot be read, or its records are not questions with one answer.
    """
    every = {**({} if retain is None else {"retain": retain}), **(kept or {})}
    if "forget" in every:
        raise ConfigurationError("A kept set is named 'forget'.", fix="Give it another name.")
    wanted = {"forget": forget, **every} | ({} if holdout is None else {"holdout": holdout})
    found = {
        name: questions_of(name, read_sources({name: data}, **reading).parts[name], limit)  # type: ignore[attr-defined]
        for name, data in wanted.items()
    }
    return Sets(found["forget"], {name: found[name] for name in every}, found.get("holdout"))


def load_subject(model: Any, tokenizer: Any = None, *, max_length: int | None = None, **rendering: Any) -> Subject:
    """A model to examine.

    Args:
        model: a folder, a hub id, or a causal language model in memory.
        tokenizer: required if the model is given in memory.
        max_length: maximum tokens of question and answer; default: the model's context.
        rendering: options of `penchant.rendering.Renderer`.

    Raises:
        PenchantError: it cannot be loaded.
    """
    named = isinstance(model, str | Path)
    if tokenizer is None and not named:
        raise ConfigurationError("The model is given in memory, without a tokenizer.", fix="Pass tokenizer=...")
    tokenizer = load_tokenizer(model) if tokenizer is None else tokenizer
    loaded = load_model(model) if named else model
    limit = length_limit(str(model), None if named else model, tokenizer, max_length)
    return Subject(loaded, Renderer(tokenizer, **rendering), limit)


def measure_model(subject: Subject, sets: Sets, *, say: bool = True) -> Measured:
    """Measure a model on all sets.

    Args:
        subject: the model.
        sets: the questions.
        say: also answer greedily, for ROUGE and model utility.
    """
    named = {"forget": sets.forget, **sets.kept}
    held = {
        name: measure_set(subject, each, say=say, relative=name not in ABSOLUTE and not each.borrowed)
        for name, each in named.items()
    }
    return Measured(held, None if sets.unseen is None else measure_set(subject, sets.unseen, say=False))


def report_of(
    sets: Sets,
    models: Mapping[str, Measured],
    *,
    relearning: Mapping[str, list[dict[str, float]]] | None = None,
    attack: Attack | None = None,
    trajectory: Sequence[Mapping[str, float]] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """The report of an evaluation, as written to ``unlearning.json``.

    Args:
        sets: the questions.
        models: what each model holds, by name; ``retrained`` is the model that never saw the forget set.
        relearning: the curves of the relearning attack by model.
        attack: what the attacker did.
        trajectory: figures during training, each with its ``step``.
        notes: what a reader must know.

    Returns:
        ``models`` (names), ``figures`` (each with ``key``, ``label``, ``better``, ``range`` and ``values`` by model),
        ``trajectory``, ``relearning``, ``samples`` and ``notes``.
    """
    retrained = models.get("retrained")
    rows: dict[str, dict[str, Any]] = {}
    for name, measured in models.items():
        for figure in measured.figures(retrained):
            row = figure.as_dict()
            value = row.pop("value")
            rows.setdefault(figure.key, {**row, "values": {}})["values"][name] = value
    sizes = {"forget": len(sets.forget), **{name: len(each) for name, each in sets.kept.items()}}
    missing = (
        []
        if retrained is not None
        else [
            "There is no model that never saw the forget set (--retrained), so forget quality and the reference line "
            "are missing: no other number says how much should be forgotten."
        ]
    )
    attacked = (
        {}
        if not relearning or attack is None
        else {
            "records": min(attack.records, len(sets.forget)),
            "learning_rate": attack.learning_rate,
            "curves": dict(relearning),
        }
    )
    return {
        "models": list(models),
        "questions": sizes,
        "figures": list(rows.values()),
        "trajectory": [dict(each) for each in trajectory],
        "relearning": attacked,
        "samples": _samples(sets.forget, models),
        "notes": [*notes, *sets.notes, *missing],
    }


def _samples(forget: QuestionSet, models: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """The greedy answers of every model to a few questions of the forget set."""
    said = {name: each.sets["forget"].said for name, each in models.items() if each.sets["forget"].said}
    return [
        {
            "prompt": as_text(each.prompt),
            "answer": as_text(each.answer),
            "said": {name: texts[place] for name, texts in said.items()},
        }
        for place, each in enumerate(forget.questions[:SHOWN])
    ]


def evaluate_unlearning(
    model: Any,
    forget: Any,
    retain: Any = None,
    *,
    tokenizer: Any = None,
    before: Any = None,
    retrained: Any = None,
    kept: Mapping[str, Any] | None = None,
    holdout: Any = None,
    limit: int | None = 100,
    attack: Attack | None = None,
    max_length: int | None = None,
    rendering: Mapping[str, Any] | None = None,
    **reading: Any,
) -> dict[str, Any]:
    """How well a model has forgotten a set, and what it still knows.

    Args:
        model: a folder, a hub id, or a causal language model in memory.
        forget: what was to be forgotten: questions with one answer each. The fields ``paraphrase`` and ``perturbed``
            hold the answer in other words and wrong answers.
        retain: what was to be kept.
        tokenizer: of models in memory.
        before: the model before unlearning.
        retrained: a model that never saw the forget set: the reference of every number.
        kept: further sets to keep by name, such as ``real_authors`` and ``world_facts``.
        holdout: records like those to forget that no model was trained on, for membership inference.
        limit: at most this many questions of each set.
        attack: the relearning attack; ``Attack(steps=0)`` for none.
        max_length: maximum tokens of question and answer.
        rendering: options of `penchant.rendering.Renderer`.
        reading: options of `penchant.feedback.read`.

    Returns:
        The report; see `report_of`.

    Raises:
        PenchantError: a model or a set cannot be used.
    """
    sets = read_sets(forget, retain, kept=kept, holdout=holdout, limit=limit, **reading)
    attack = attack or Attack()
    named = {"before": before, "after": model, "retrained": retrained}
    models, curves = {}, {}
    for name, each in named.items():
        if each is None:
            continue
        subject = load_subject(each, tokenizer, max_length=max_length, **(rendering or {}))
        models[name] = measure_model(subject, sets)
        if attack.steps and name != "before":
            curves[name] = relearning_curve(subject, sets.forget, attack)
    return report_of(sets, models, relearning=curves, attack=attack)
