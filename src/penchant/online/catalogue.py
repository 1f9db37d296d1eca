"""The packaged recipes in one table: the choices of each, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from penchant.online.asking import ASKING
from penchant.online.opponents import OPPONENTS
from penchant.online.pairing import PAIRINGS
from penchant.online.recipe import OnlineRecipe, make_online_recipe, methods, packaged_keys
from penchant.online.samplers.sampler import SAMPLERS

__all__ = ["Choices", "catalogue", "choices_of"]


@dataclass(frozen=True)
class Choices:
    """What a recipe chooses.

    Args:
        name: of the recipe.
        judge: who scores or compares.
        pairing: how samples become examples.
        objective: the loss.
        reference: and its update.
        further: a sampler, an opponent, a question, rewards of steps, other rounds, a rule of steps; empty if the
            recipe has the usual ones.
        needs: what must be given beside the prompts; empty for nothing.
    """

    name: str
    judge: str
    pairing: str
    objective: str
    reference: str
    further: str = ""
    needs: str = ""


def catalogue() -> list[Choices]:
    """The choices of every packaged recipe, by name.

    Example:
        >>> {each.name: each.pairing for each in catalogue()}["grpo"]
        'group'
    """
    found = []
    for name in methods():
        given = {"method": name, "model": "M", "data": "prompts.jsonl", "output": "runs/x"}
        if packaged_keys(name).get("reference") == "teacher":
            given["teacher"] = "T"
        found.append(choices_of(name, make_online_recipe(given)))
    return found


def choices_of(name: str, recipe: OnlineRecipe) -> Choices:
    """The choices of a recipe.

    Args:
        name: of the recipe.
        recipe: its keys.
    """
    judge, pairing = str(recipe.judge["name"]), str(recipe.pairing["name"])
    opponent, asking = str(recipe.opponent["name"]), str(recipe.asking["name"])
    sampler = str(recipe.sampler["name"])
    further = []
    if sampler != OnlineRecipe.model_fields["sampler"].default["name"]:
        further.append(f"sampler {sampler}")
    if OPPONENTS.get(opponent).present:
        further.append(f"opponent {recipe.opponent.get('checkpoint', opponent)}")
    if ASKING.get(asking).shows_more:
        further.append(f"asking {asking}")
    if recipe.roll_in:
        further.append("roll-in")
    if recipe.process_reward["name"] != OnlineRecipe.model_fields["process_reward"].default["name"]:
        further.append(f"process reward {recipe.process_reward['name']}")
    for each in recipe.alternate:
        further.append(f"in turn with {each.get('objective', recipe.objective)['name']}")
    if recipe.step_rule != "plain":
        further.append(recipe.step_rule)
    needs = []
    if PAIRINGS.get(pairing).demonstrated or OPPONENTS.get(opponent).demonstrated or recipe.roll_in:
        needs.append("given responses")
    if ASKING.get(asking).shows_more:
        needs.append("complaints")
    if judge == "verifier":
        needs.append("answers, or another judge")
    if SAMPLERS.get(sampler).own_contexts:
        needs.append("two prompts a record")
    if recipe.reference == "teacher":
        needs.append("a teacher")
    return Choices(
        name, judge, pairing, str(recipe.objective["name"]), recipe.reference, ", ".join(further), "; ".join(needs)
    )
