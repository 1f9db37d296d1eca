"""Reading the feedback of a run, and splitting off held-out data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.checks.overlap import groups
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.kept import chosen, kept
from penchant.feedback.reading import Ties
from penchant.feedback.sources import Sources, is_mixture, parts_of, read_sources
from penchant.objectives.core.objective import Objective
from penchant.terminal import counted
from penchant.training.recipe import Recipe, data_values

__all__ = ["Given", "read_data"]

# Number of training records to measure on if nothing is held out.
STAND_IN = 200


@dataclass
class Given:
    """Objects passed in memory instead of named in the recipe."""

    model: Any = None
    tokenizer: Any = None
    data: Any = None
    eval_data: Any = None
    objective: Objective | None = None
    reference: Any = None
    callbacks: Sequence[Any] = ()

    def reference_value(self, reference: Any) -> Any:
        """The recipe's value for a reference; a model in memory is kept here.

        Args:
            reference: a kind, a mapping that names a model, or a model in memory.
        """
        if isinstance(reference, str | Mapping):
            return reference
        self.reference = reference
        return {"model": f"in memory ({type(reference).__name__})", "in_memory": True}


def read_data(recipe: Recipe, given: Given, ties: Ties = "leave_out") -> tuple[Feedback, Feedback, str]:
    """The feedback to train on, the feedback to measure on, and a description of the latter.

    With several sources both are `penchant.feedback.sources.Sources`, and records are held out of each source.

    Args:
        recipe: names the data.
        given: data in memory.
        ties: whether comparisons without a preference are left out or kept.

    Raises:
        DataError: data cannot be read, or has too few prompts to hold a share out.
        ConfigurationError: the held-out split would also be trained on.
    """
    options: dict[str, Any] = {"mapping": recipe.mapping or None, "kind": recipe.kind, "on_bad": recipe.on_bad}
    options |= {"train_on": recipe.train_on, "ties": ties}
    source = _source(recipe.data, given.data)
    train = read_sources(source, split=recipe.split, **options)
    separate = None if recipe.eval_data is given.eval_data is None else _source(recipe.eval_data, given.eval_data)
    if separate is not None or recipe.eval_split is not None:
        heldout = read_sources(source if separate is None else separate, split=recipe.eval_split, **options)
        if separate is None and recipe.split is None:
            raise ConfigurationError(
                f"eval_split={recipe.eval_split} is held out, but split is missing, so the run would also train on it.",
                fix="Also give split=train (the rows to train on).",
            )
        heldout = heldout[: recipe.eval_limit]
        described = f"held-out data ({counted(len(heldout), 'record')} of {heldout.name})"
    elif recipe.eval_share is not None:
        seed = recipe.seed if recipe.eval_seed is None else recipe.eval_seed
        train, heldout = _divided(train, recipe.eval_share, seed)
        heldout = heldout[: recipe.eval_limit]
        described = f"held-out data ({counted(len(heldout), 'record')} set aside from {train.name})"
    else:
        heldout = train[:STAND_IN][: recipe.eval_limit]
        described = f"training data ({counted(len(heldout), 'record')}; nothing was held out)"
    return train, heldout, described


def _source(named: Any, given: Any) -> Any:
    """The data named in the recipe or passed in memory; an iterator is kept, since it can be read only once."""
    if given is None:
        return data_values(named)
    if type(given) is dict:
        return {name: _source(None, each) for name, each in given.items()}
    if is_mixture(given):
        return [{key: _source(None, value) for key, value in each.items()} for each in given]
    return kept(given) if isinstance(given, Iterator) else given


def _divided(feedback: Feedback, share: float, seed: int) -> tuple[Feedback, Feedback]:
    """Hold out a share of the records of each source."""
    if not isinstance(feedback, Sources):
        return _divide(feedback, share, seed)
    halves = {name: _divide(each, share, seed) for name, each in parts_of(feedback).items()}
    train, heldout = ({name: pair[side] for name, pair in halves.items()} for side in (0, 1))
    return Sources(train, feedback.weights), Sources(heldout, feedback.weights)


def _divide(feedback: Feedback, share: float, seed: int) -> tuple[Feedback, Feedback]:
    """Hold out a share of the records; those with one prompt and near duplicates stay together, so nothing leaks."""
    together = groups(feedback.records)
    if len(together) < 2:
        raise DataError(
            f"{feedback.name} has only {len(together)} distinct prompt, too few to hold out a share.",
            fix="Give held-out data with eval_data, or remove eval_share.",
        )
    order = np.random.default_rng([seed, 1]).permutation(len(together))
    held = np.zeros(len(feedback), bool)
    for place in order[: max(1, min(len(together) - 1, round(share * len(together))))]:
        held[together[int(place)]] = True
    train, heldout = (chosen(feedback.records, np.flatnonzero(held == wanted)) for wanted in (False, True))
    return feedback.part(train, feedback.bad, feedback.ties), feedback.part(heldout)
