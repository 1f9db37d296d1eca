"""The recipe of an online run: engine, judge, pairing, objective, reference, and what a training run needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, PositiveInt, ValidationInfo, field_validator

from penchant.errors import ConfigurationError, nearest
from penchant.online.reference_updates import find_reference_update
from penchant.training.recipe import Recipe, validated

__all__ = ["OnlineRecipe", "make_online_recipe", "methods"]

RECIPES = Path(__file__).parent / "recipes"

# Keys of former versions, with those that replace them.
FORMER_KEYS = {
    "sampling_batch": "engine.batch_size",
    "server": "engine.url, with engine.name=server,",
    "server_model": "engine.model",
}

# The parts of a recipe that have a name and settings.
PARTS = ("objective", "engine", "judge", "pairing")


class OnlineRecipe(Recipe):
    """An online run: sample, judge, pair, train, and repeat.

    Example:
        >>> recipe = make_online_recipe({"method": "grpo", "model": "m", "data": "sums.jsonl"})
        >>> recipe.objective["name"], recipe.pairing["name"], recipe.reference
        ('grpo', 'group', 'initial')
    """

    data: str = Field(description="file, saved datasets folder, or hub id")  # type: ignore[assignment]
    eval_data: str | None = Field(None, description="held-out file, folder or id")  # type: ignore[assignment]
    method: str | None = Field(None, description="a recipe to start from: the other keys change it")
    objective: dict[str, Any] = Field({"name": "dpo"}, description="name and hyper-parameters")

    iterations: PositiveInt = Field(3, description="rounds of sampling and training")
    prompts_per_iteration: PositiveInt = Field(256, description="prompts sampled from in a round")
    samples_per_prompt: PositiveInt = Field(8, description="responses to each prompt")
    temperature: float = Field(1.0, ge=0, description="of sampling")
    top_p: float = Field(1.0, gt=0, le=1, description="smallest probability mass to sample from")
    max_new_tokens: PositiveInt = Field(128, description="most tokens of a response")
    engine: dict[str, Any] = Field(
        {"name": "transformers"}, description="what samples: transformers (the policy itself) or server, and settings"
    )
    history: int = Field(0, ge=0, description="earlier rounds whose samples are trained on again")

    judge: dict[str, Any] = Field(
        {"name": "verifier", "rule": "number"}, description="what scores responses: name and settings"
    )
    unfinished_penalty: float = Field(0.0, ge=0, description="taken from the reward of a response without an end token")
    overlong_buffer: int = Field(0, ge=0, description="last tokens before the limit over which a penalty grows to 1")
    pairing: dict[str, Any] = Field({"name": "best_worst"}, description="which responses are trained on, in which role")
    reference: str = Field(  # type: ignore[assignment]
        "initial", description="the reference from round to round: initial, previous, ema or nesterov"
    )
    reference_rate: float = Field(0.1, ge=0, le=1, description="of ema: share mixed in; of nesterov: extrapolation")

    schedule: str = Field("constant", description="learning-rate schedule of transformers, within a round")
    warmup: float = Field(0.0, ge=0, le=1, description="share of a round's steps in which the learning rate rises")
    optimizer_state: Literal["keep", "fresh"] = Field("keep", description="whether a round goes on with the optimizer")
    eval_samples: PositiveInt = Field(1, description="responses to each held-out prompt")
    eval_temperature: float = Field(1.0, ge=0, description="of their sampling; 0 for the likeliest response")
    eval_every: PositiveInt | None = Field(None, description="rounds between measurements; at most twenty a run")
    save_rounds: PositiveInt | None = Field(None, description="rounds between checkpoints; at most ten a run")
    save_every: PositiveInt | None = Field(None, description="optimizer steps between checkpoints within a round")

    @field_validator("engine", "judge", "pairing", mode="before")
    @classmethod
    def _by_name(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return {"name": value}
        # ``judge.rule=exact`` alone changes a setting of the default.
        default = cls.model_fields[str(info.field_name)].default["name"]
        return {"name": default, **value} if isinstance(value, dict) else value

    @field_validator("reference")
    @classmethod
    def _update(cls, value: str) -> str:
        try:
            find_reference_update(value)
        except ConfigurationError as error:
            raise ValueError(error.what.rstrip(".")) from None
        return value


def methods() -> list[str]:
    """The recipes that come with the package, sorted.

    Example:
        >>> methods()
        ['grpo', 'iterative-dpo', 'rejection-sampling', 'spin', 'sppo']
    """
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def make_online_recipe(values: Mapping[str, Any], where: str = "recipe") -> OnlineRecipe:
    """A validated recipe; where it names a ``method``, its keys change that method's recipe.

    Args:
        values: keys and values; dotted keys (``objective.beta``) reach into parts.
        where: what to call the source in errors.

    Raises:
        ConfigurationError: an unknown method or key, or a value of the wrong type or out of range.
    """
    for key in FORMER_KEYS.keys() & values.keys():
        raise ConfigurationError(f"There is no key {key!r}. It is called {FORMER_KEYS[key]} here.", where=where)
    method = values.get("method")
    base: dict[str, Any] = {}
    if method is not None:
        if method not in methods():
            raise ConfigurationError(f"There is no online method {method!r}. {nearest(str(method), methods())}")
        base = yaml.safe_load((RECIPES / f"{method}.yaml").read_text(encoding="utf-8"))
    for key in PARTS:
        given, own = values.get(key), base.get(key)
        if isinstance(given, dict) and isinstance(own, dict) and given.get("name", own["name"]) == own["name"]:
            base[key] = {**own, **given}
            values = {name: each for name, each in values.items() if name != key}
        elif given is not None:
            base.pop(key, None)
    recipe = validated({**base, **values}, where, OnlineRecipe)
    _check(recipe)
    return recipe


def _check(recipe: OnlineRecipe) -> None:
    """Refuse what an online run cannot do."""
    if recipe.lora is not None:
        raise ConfigurationError(
            "An online run trains all weights; it takes no adapter.", where="lora", fix="Leave lora out."
        )
    if recipe.optimizer_state == "keep" and not recipe.schedule.startswith("constant"):
        raise ConfigurationError(
            f"The schedule {recipe.schedule!r} starts again in every round, but the optimizer is kept.",
            where="optimizer_state",
            fix="Give optimizer_state=fresh, or schedule=constant.",
        )
