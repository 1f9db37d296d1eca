"""The packaged recipes in one table: the choices of each, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from penchant.online.asking import ASKING
from penchant.online.opponents import OPPONENTS
from penchant.online.pairing import PAIRINGS
from penchant.online.recipe import OnlineRecipe, make_online_recipe, methods, packaged_keys
from penchant.online.samplers.sampler import SAMPLERS
from penchant.rewards.registry import JUDGES

__all__ = ["Choices", "catalogue", "choices_of", "packaged"]


@dataclass(frozen=True)
class Choices:
    """What a recipe chooses.

    Args:
        name: of the recipe.
        sampler: where the policy's responses come from.
        judge: who scores or compares.
        pairing: how samples become examples.
        objective: the loss.
        reference: and its update.
        further: an opponent, a question, roll-ins, rewards of steps, other rounds, a rule of steps; empty if the
            recipe has the usual ones.
        needs: what must be given beside the prompts; empty for nothing.
    """

    name: str
    sampler: str
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
    return [choices_of(name, packaged(name)) for name in methods()]


def packaged(name: str) -> OnlineRecipe:
    """A packaged recipe as it is, with names in the place of model, data and teacher.

    Args:
        name: one of `penchant.online.methods`.
    """
    given = {"method": name, "model": "M", "data": "prompts.jsonl", "output": "runs/x"}
    if packaged_keys(name).get("reference") == "teacher":
        given["teacher"] = "T"
    return make_online_recipe(given)


def choices_of(name: str, recipe: OnlineRecipe) -> Choices:
    """The choices of a recipe.

    Args:
        name: of the recipe.
        recipe: its keys.
    """
    judge, pairing = str(recipe.judge["name"]), str(recipe.pairing["name"])
    opponent, asking = str(recipe.opponent["name"]), str(recipe.asking["name"])
    sampler, engine = str(recipe.sampler["name"]), str(recipe.engine["name"])
    if engine != OnlineRecipe.model_fields["engine"].default["name"]:
        sampler = engine if sampler == OnlineRecipe.model_fields["sampler"].default["name"] else f"{sampler}, {engine}"
    further = []
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
    parts = (PAIRINGS.get(pairing), OPPONENTS.get(opponent), SAMPLERS.get(str(recipe.sampler["name"])))
    if recipe.roll_in or any(each.demonstrated for each in parts):
        needs.append("given responses")
    if ASKING.get(asking).shows_more:
        needs.append("complaints")
    if judge == "verifier" or _inner(recipe) == "verifier":
        needs.append("answers, or another judge")
    if judge in ("anchored", "closeness") and "given responses" not in needs:
        needs.append("an answer to each prompt")
    if SAMPLERS.get(str(recipe.sampler["name"])).own_contexts:
        needs.append("two prompts a record")
    if judge == "inverse_rl":
        needs.append("demonstrations with categories and samples")
    if recipe.reference == "teacher":
        needs.append("a teacher")
    objective, reference = str(recipe.objective["name"]), recipe.reference
    return Choices(name, sampler, judge, pairing, objective, reference, ", ".join(further), "; ".join(needs))


def _inner(recipe: OnlineRecipe) -> str:
    """The name of the judge inside the recipe's judge; empty if it has none."""
    settings = JUDGES.get(str(recipe.judge["name"])).declared_settings()
    given = recipe.judge.get("inner", next((each.default for each in settings if each.name == "inner"), ""))
    return str(given.get("name", "verifier") if isinstance(given, dict) else given)
