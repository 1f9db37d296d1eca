"""`Phase`: what differs between the rounds of a run that alternates, such as between imitation and pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.generation.engines import Engine
from penchant.named import build_named
from penchant.objectives.core.objective import Objective
from penchant.online.by_round import check_by_round
from penchant.online.on_policy import check_on_policy, likelihood_temperature
from penchant.online.pairing import PAIRINGS, Pairing, check_pairing
from penchant.online.recipe import ALTERNATING, OnlineRecipe
from penchant.online.samplers.sampler import SAMPLERS, Sampler
from penchant.online.token_facts import VALUES
from penchant.rewards.registry import JUDGES
from penchant.training.preparation import build_objective
from penchant.training.recipe import validated

__all__ = ["Phase", "build_phases", "check_temperatures"]


@dataclass(frozen=True)
class Phase:
    """The choices of a kind of round.

    Args:
        recipe: with the keys of these rounds.
        objective: their loss.
        pairing: how their samples become examples.
        sampler: how their samples come about.
    """

    recipe: OnlineRecipe
    objective: Objective
    pairing: Pairing
    sampler: Sampler


def build_phases(recipe: OnlineRecipe, objective: Objective | None = None) -> tuple[Phase, ...]:
    """The kinds of rounds of a run, which take turns; the first has the recipe's own keys.

    Args:
        recipe: of the run.
        objective: of the first, where it is an object in memory.

    Raises:
        ConfigurationError: the choices of a kind of round do not go together.
    """
    first = _phase(recipe, objective or build_objective(recipe))
    others = []
    for changes in recipe.alternate:
        changed = _changed(recipe, changes)
        other = _phase(changed, build_objective(changed))
        needs = other.objective.requirements.needs
        if other.objective.state_dict() or needs.hidden or needs.ends:
            raise ConfigurationError(
                f"The objective {other.objective.id} learns parameters of its own and cannot be one of several.",
                where="alternate",
                fix="Make it the recipe's own objective, or choose another.",
            )
        others.append(other)
    if others and recipe.history:
        raise ConfigurationError(
            "Rounds that alternate do not reuse each other's samples.", where="history", fix="Remove history."
        )
    return (first, *others)


def _changed(recipe: OnlineRecipe, changes: Mapping[str, Any]) -> OnlineRecipe:
    """The recipe with the keys of another kind of round."""
    for key in changes:
        if key not in ALTERNATING:
            raise ConfigurationError(
                f"{key!r} cannot differ between the rounds of a run.",
                where="alternate",
                fix=nearest(key, ALTERNATING),
            )
    return validated({**recipe.model_dump(), **changes, "alternate": []}, "alternate", OnlineRecipe)


def _phase(recipe: OnlineRecipe, objective: Objective) -> Phase:
    pairing = build_named(PAIRINGS, recipe.pairing, "pairing")
    check_by_round(objective, recipe.by_round)
    check_pairing(pairing.id, objective.requirements, objective.id)
    if pairing.judged and JUDGES.get(str(recipe.judge.get("name")), "judge").silent:
        raise ConfigurationError(
            f"The pairing {pairing.id!r} needs rewards, but there is no judge.",
            where="judge",
            fix="Give judge=verifier, or a reward model or function.",
        )
    if VALUES in pairing.reads and not callable(getattr(objective, "values", None)):
        raise ConfigurationError(
            f"The pairing {pairing.id!r} reads the values of a critic; the objective {objective.id} has none.",
            where="pairing.baseline",
            fix="Choose objective=ppo, or pairing.baseline=none, group or greedy.",
        )
    return Phase(recipe, objective, pairing, build_named(SAMPLERS, recipe.sampler, "sampler"))


def check_temperatures(phases: Sequence[Phase], engine: Engine) -> None:
    """Refuse rounds whose likelihoods cannot follow how they are sampled, or differ in temperature.

    Reference and checkpoints are read at one temperature.

    Args:
        phases: the kinds of rounds.
        engine: samples.

    Raises:
        ConfigurationError: they do not, or differ.
    """
    for each in phases:
        check_on_policy(each.recipe, each.objective.requirements, engine, each.objective.id)
    found = [likelihood_temperature(each.recipe, each.objective.requirements, engine) for each in phases]
    if len(set(found)) > 1:
        raise ConfigurationError(
            f"The rounds of the run read likelihoods at different temperatures ({', '.join(map(str, found))}).",
            where="alternate",
            why="A policy gradient follows the temperature of sampling; other losses read the model at 1.",
            fix="Sample at temperature 1 in the rounds of policy gradients.",
        )
