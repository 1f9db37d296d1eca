"""Reading the feedback of a run: what is trained on, and what is held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.sources import Sources, parts_of, read_sources
from penchant.objectives.core.objective import Objective
from penchant.training.recipe import Recipe, data_values

__all__ = ["Given", "read_data"]

# How many training examples stand in where nothing is held out.
STAND_IN = 200


@dataclass
class Given:
    """Objects that a caller hands over in memory instead of naming them in the recipe."""

    model: Any = None
    tokenizer: Any = None
    data: Any = None
    eval_data: Any = None
    objective: Objective | None = None


def read_data(recipe: Recipe, given: Given) -> tuple[Feedback, Feedback, str]:
    """The feedback to train on, that to measure on, and what the latter is, in words.

    With several sources, both are `penchant.feedback.sources.Sources`, and what is held out is held out of each.

    Raises:
        DataError: something cannot be read, or is too little to hold a share out.
        ConfigurationError: what is held out is not said, or would be trained on.
    """
    options: dict[str, Any] = {"mapping": recipe.mapping or None, "kind": recipe.kind, "on_bad": recipe.on_bad}
    source = _source(recipe.data, given.data)
    train = read_sources(source, split=recipe.split, **options)
    separate = None if recipe.eval_data is given.eval_data is None else _source(recipe.eval_data, given.eval_data)
    if separate is not None or recipe.eval_split is not None:
        heldout = read_sources(source if separate is None else separate, split=recipe.eval_split, **options)
        if separate is None and recipe.split is None:
            raise ConfigurationError(
                f"eval_split={recipe.eval_split} is held out of the data, but split is not given, so it would be "
                "trained on as well.",
                fix="Give split=train (the rows to train on) beside it.",
            )
        heldout = heldout[: recipe.eval_limit]
        told = f"held-out data ({len(heldout)} records of {heldout.name})"
    elif recipe.eval_share is not None:
        seed = recipe.seed if recipe.eval_seed is None else recipe.eval_seed
        train, heldout = _divided(train, recipe.eval_share, seed)
        heldout = heldout[: recipe.eval_limit]
        told = f"held-out data ({len(heldout)} records set aside from {train.name})"
    else:
        heldout = train[:STAND_IN][: recipe.eval_limit]
        told = f"training data ({len(heldout)} records; nothing was held out)"
    return train, heldout, told


def _source(named: Any, given: Any) -> Any:
    """What the recipe names, or what was handed over; an iterator becomes a list, because it is read once."""
    if given is None:
        return data_values(named)
    whole = isinstance(given, str | Path | Mapping | Feedback) or not isinstance(given, Iterable)
    return given if whole else list(given)


def _divided(feedback: Feedback, share: float, seed: int) -> tuple[Feedback, Feedback]:
    """Set a share of the records aside, of each source its own."""
    if not isinstance(feedback, Sources):
        return _divide(feedback, share, seed)
    halves = {name: _divide(each, share, seed) for name, each in parts_of(feedback).items()}
    train, heldout = ({name: pair[side] for name, pair in halves.items()} for side in (0, 1))
    return Sources(train, feedback.weights), Sources(heldout, feedback.weights)


def _divide(feedback: Feedback, share: float, seed: int) -> tuple[Feedback, Feedback]:
    """Set a share of the records aside; records with one prompt stay together, so that nothing leaks."""
    prompts: dict[str, list[int]] = {}
    for place, record in enumerate(feedback):
        prompts.setdefault(repr(record.prompt), []).append(place)
    groups = list(prompts.values())
    if len(groups) < 2:
        raise DataError(
            f"{feedback.name} has {len(groups)} distinct prompt, too few to hold a share out.",
            fix="Give held-out data with eval_data, or leave eval_share out.",
        )
    order = np.random.default_rng([seed, 1]).permutation(len(groups))
    held: set[int] = set()
    for place in order[: max(1, min(len(groups) - 1, round(share * len(groups))))]:
        held.update(groups[int(place)])
    parts = [[record for at, record in enumerate(feedback) if (at in held) is wanted] for wanted in (False, True)]
    train, heldout = (Feedback(part, kind=feedback.kind, name=feedback.name) for part in parts)
    train.bad = feedback.bad
    return train, heldout
