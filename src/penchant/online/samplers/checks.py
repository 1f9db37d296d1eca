"""What a sampler, a pairing, a judge and an objective ask of each other."""

from __future__ import annotations

from typing import Any

from penchant.errors import ConfigurationError
from penchant.objectives.core.requirements import Requirements
from penchant.online.on_policy import is_policy_gradient
from penchant.online.pairing import PAIRINGS, Pairing
from penchant.online.recipe import OnlineRecipe
from penchant.online.samplers.sampler import SAMPLERS, Sampler

__all__ = ["check_sampler"]


def check_sampler(sampler: Sampler, pairing: Pairing, recipe: OnlineRecipe, wanted: Requirements) -> None:
    """Refuse choices that do not go together.

    Args:
        sampler: how responses come about.
        pairing: how they become examples.
        recipe: of the run.
        wanted: requirements of the objective.

    Raises:
        ConfigurationError: the pairing needs trees, the sampler a judge, or the objective samples of the policy's own
            distribution (or a correction), and there are none.
    """
    if pairing.of_trees and not sampler.grows:
        able = [each.id for each in SAMPLERS.things() if each.grows]
        raise ConfigurationError(
            f"The pairing {pairing.id!r} pairs the nodes of trees, and the sampler {sampler.id!r} grows none.",
            where="sampler",
            fix=f"Choose one of {', '.join(able)}." if able else "Choose another pairing.",
        )
    alone = recipe.samples_per_prompt == 1 and recipe.opponent["name"] == "none"
    if pairing.needs_two and alone and sampler.id == _default("sampler")["name"]:
        raise ConfigurationError(
            f"The pairing {pairing.id!r} sets responses to one prompt against one another, and there is one.",
            where="samples_per_prompt",
            fix="Draw 2 or more, or give an opponent.",
        )
    if sampler.judged and recipe.judge["name"] == "none":
        raise ConfigurationError(
            f"The sampler {sampler.id!r} asks the judge, and there is none.", where="judge", fix="Give a judge."
        )
    if not sampler.faithful and is_policy_gradient(wanted):
        _check_corrected(sampler, pairing, recipe)
    if sampler.varies and recipe.temperature == 0:
        raise ConfigurationError(
            f"The sampler {sampler.id!r} compares several continuations, and greedy decoding has one.",
            where="temperature",
            fix="Give a temperature above 0.",
        )
    if sampler.own_contexts:
        _check_contexts(sampler, pairing, recipe)
    changed = [name for name in ("roll_in", "asking") if getattr(recipe, name) != _default(name)]
    if sampler.id != _default("sampler")["name"] and changed:
        raise ConfigurationError(
            f"The sampler {sampler.id!r} does not know {changed[0]}.",
            where=changed[0],
            fix=f"Remove {changed[0]}, or give sampler=independent.",
        )


def _check_corrected(sampler: Sampler, pairing: Pairing, recipe: OnlineRecipe) -> None:
    """Refuse a policy gradient on responses of another distribution, unless it is corrected for."""
    if not (sampler.traces and recipe.staleness != "refuse"):
        correct = ", staleness=token (which needs the log-probabilities of each response)" if sampler.traces else ""
        raise ConfigurationError(
            f"The sampler {sampler.id!r} does not draw from the policy's own distribution, which the gradient of a "
            "policy needs.",
            where="sampler",
            fix=f"Choose sampler=independent{correct}, or an objective that does not ask where responses come from.",
        )
    if pairing.greedy:
        raise ConfigurationError(
            f"The pairing {pairing.id!r} compares with greedy decoding; the sampler {sampler.id!r} decodes nothing.",
            where="pairing.baseline",
            fix="Choose another baseline, or sampler=independent.",
        )


def _check_contexts(sampler: Sampler, pairing: Pairing, recipe: OnlineRecipe) -> None:
    """Refuse choices that read a response as a text after its prompt, where its writers have read something else."""
    if not pairing.of_trees:
        able = [each.id for each in PAIRINGS.things() if each.of_trees]
        raise ConfigurationError(
            f"The pairing {pairing.id!r} trains on whole responses; in a {sampler.id} each turn follows what its "
            "speaker has read.",
            where="pairing",
            fix=f"Choose one of {', '.join(able)}.",
        )
    for key in ("reward_kl", "unfinished_penalty", "overlong_buffer", "staleness"):
        if getattr(recipe, key) != _default(key):
            raise ConfigurationError(
                f"The sampler {sampler.id!r} gives rewards itself and does not know {key}.",
                where=key,
                fix=f"Remove {key}; the sampler has settings of its own.",
            )


def _default(name: str) -> Any:
    return OnlineRecipe.model_fields[name].default
