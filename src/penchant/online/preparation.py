"""Everything of an online run that can be decided before a model is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Comparison, Demonstration
from penchant.modalities.text import TextModality
from penchant.objectives.core.objective import Objective
from penchant.online.pairing import Pairing, check_pairing
from penchant.online.recipe import OnlineRecipe
from penchant.rendering.rendering import Renderer
from penchant.rewards.registry import build_judge
from penchant.training.preparation import Given, build_objective, read_data

__all__ = ["Prepared", "prepare"]

COMPARED = ("chosen_win_rate", "rejected_win_rate", "preference_probability")


@dataclass
class Prepared:
    """What `prepare` decides: objective, pairing, prompts, held-out prompts, how texts are written."""

    objective: Objective
    pairing: Pairing
    train: Feedback
    heldout: Feedback
    measured_on: str
    modality: TextModality
    compared: tuple[str, ...] = COMPARED

    @property
    def renderer(self) -> Renderer:
        """The one renderer of the run."""
        return self.modality.renderer

    @property
    def max_length(self) -> int | None:
        """Most tokens of prompt and response."""
        return self.modality.max_length


def prepare(recipe: OnlineRecipe, given: Given) -> Prepared:
    """Read and check all that the recipe names except the model.

    Args:
        recipe: the recipe.
        given: objects in memory.

    Raises:
        PenchantError: the choices do not fit each other, or the data do not fit the choices.
    """
    objective = given.objective or build_objective(recipe)
    pairing = _pairing(recipe.pairing)
    check_pairing(pairing.name, objective.requirements, objective.id)
    judged = recipe.judge.get("name") != "none"
    if pairing.name != "demonstration" and not judged:
        raise ConfigurationError(
            f"The pairing {pairing.name!r} needs rewards, and there is no judge.",
            where="judge",
            fix="Give judge=verifier, or a reward model or function.",
        )
    train, heldout, told = read_data(recipe, given)
    if recipe.judge.get("name") == "verifier":
        build_judge(recipe.judge, [*train.records, *heldout.records])  # every answer must be there
    if pairing.name == "demonstration":
        lacking = next((each for each in train if not isinstance(each, Demonstration | Comparison)), None)
        if lacking is not None:
            raise DataError(
                f"The pairing 'demonstration' needs a person's response; this record is a {lacking.kind}.",
                where=str(lacking.source),
                fix="Give demonstrations: prompt and completion.",
            )
    modality = TextModality(recipe, given.model, given.tokenizer)
    limit = modality.max_length
    if limit is not None and limit <= recipe.max_new_tokens:
        raise ConfigurationError(
            f"'max_new_tokens' is {recipe.max_new_tokens}, and the whole sequence may have {limit} tokens.",
            fix="Give a smaller number, so that the prompt has room.",
        )
    return Prepared(objective, pairing, train, heldout, told, modality)


def _pairing(settings: dict[str, Any]) -> Pairing:
    known = [each.name for each in dataclasses.fields(Pairing)]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ConfigurationError(f"A pairing has no key {unknown[0]!r}. {nearest(unknown[0], known)}", where="pairing")
    pairing = Pairing(**settings)
    if pairing.scale not in ("group", "batch", "none"):
        raise ConfigurationError(
            f"'scale' is {pairing.scale!r}. {nearest(str(pairing.scale), ['group', 'batch', 'none'])}", where="pairing"
        )
    return pairing
