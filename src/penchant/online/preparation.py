"""Everything of an online run that can be decided before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Comparison, Demonstration
from penchant.generation.engines import Engine
from penchant.modalities import Modality, find_modality
from penchant.named import build_named
from penchant.objectives.core.objective import Objective
from penchant.online.pairing import PAIRINGS, Pairing, check_pairing
from penchant.online.recipe import OnlineRecipe
from penchant.online.reference_updates import ReferenceUpdate, build_reference_update
from penchant.rewards.judge import Judge
from penchant.rewards.registry import JUDGES, build_judge
from penchant.training.arguments import refuse_split
from penchant.training.preparation import Given, build_objective, read_data

__all__ = ["Prepared", "prepare"]


@dataclass
class Prepared:
    """What `prepare` decides.

    Args:
        objective: the objective.
        pairing: which responses it sees, and in which role.
        judge: what scores responses, or None.
        update: how the reference is updated; it begins with the policy.
        modality: what the responses are made of.
        engine: where responses come from in the rounds, and ``measured_by`` where they come from in measurements; both
            take the policy with ``use``.
        train: the prompts; ``heldout`` the held-out ones (or some of the former).
        measured_on: in words, what is measured on.
    """

    objective: Objective
    pairing: Pairing
    judge: Judge | None
    update: ReferenceUpdate
    modality: Modality
    engine: Engine
    measured_by: Engine
    train: Feedback
    heldout: Feedback
    measured_on: str


def prepare(recipe: OnlineRecipe, given: Given) -> Prepared:
    """Read and check all that the recipe names except the model.

    Args:
        recipe: the recipe.
        given: objects in memory.

    Raises:
        PenchantError: the choices do not fit each other, or the data do not fit the choices.
    """
    objective = given.objective or build_objective(recipe)
    refuse_split(recipe, 1, objective.batch_coupled)
    pairing = build_named(PAIRINGS, recipe.pairing, "pairing")
    check_pairing(pairing.id, objective.requirements, objective.id)
    if pairing.judged and JUDGES.get(str(recipe.judge.get("name")), "judge").silent:
        raise ConfigurationError(
            f"The pairing {pairing.id!r} needs rewards, and there is no judge.",
            where="judge",
            fix="Give judge=verifier, or a reward model or function.",
        )
    update = build_reference_update(recipe.reference, recipe.reference_rate)
    train, heldout, measured_on = read_data(recipe, given)
    judge = build_judge(recipe.judge, [*train.records, *heldout.records])
    if pairing.demonstrated:
        _check_demonstrations(train, pairing)
    modality = find_modality(recipe.modality, recipe.model, given.model)(recipe, given.model, given.tokenizer)
    _check_length(modality, recipe)
    engine = modality.engine(recipe.engine, recipe.max_new_tokens)
    measured_by = engine if engine.follows_policy else modality.engine({}, recipe.max_new_tokens)
    return Prepared(objective, pairing, judge, update, modality, engine, measured_by, train, heldout, measured_on)


def _check_demonstrations(train: Feedback, pairing: Pairing) -> None:
    lacking = next((each for each in train if not isinstance(each, Demonstration | Comparison)), None)
    if lacking is not None:
        raise DataError(
            f"The pairing {pairing.id!r} needs a demonstration of each prompt; this record is a {lacking.kind}.",
            where=str(lacking.source),
            fix="Give demonstrations: prompt and completion.",
        )


def _check_length(modality: Modality, recipe: OnlineRecipe) -> None:
    limit = modality.max_length
    if limit is not None and limit <= recipe.max_new_tokens:
        raise ConfigurationError(
            f"'max_new_tokens' is {recipe.max_new_tokens}, and the whole sequence may have {limit} tokens.",
            fix="Give a smaller number, so that the prompt has room.",
        )
