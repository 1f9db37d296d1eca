"""The packaged recipes `ssft` and `multi-task`, and the keys of their stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from penchant.errors import ConfigurationError
from penchant.training.recipe import Recipe, make_recipe
from penchant.training.recipe_keys import nested

__all__ = ["STAGES", "MultiTask", "SolutionSampling", "make_multi_task", "make_ssft", "names"]

HERE = Path(__file__).parent
#: The stages of multi-task training, with the names of their folders.
STAGES = {"generator": "1-generator", "evaluator": "2-evaluator", "generator_again": "3-generator-again"}


class SolutionSampling(BaseModel):
    """How solutions for the evaluator are sampled and paired (the part ``solutions``)."""

    model_config = ConfigDict(extra="forbid")

    samples: PositiveInt = Field(
        32, description="solutions sampled per problem, if the data hold none; 64 in the paper"
    )
    temperature: float = Field(0.9, gt=0, description="sampling temperature")
    top_p: float = Field(0.95, gt=0, le=1, description="probability mass of nucleus sampling")
    max_new_tokens: PositiveInt = Field(256, description="maximum tokens of a solution")
    per_prompt: PositiveInt = Field(8, description="most pairs, or judgements, per problem")
    rule: str = Field("number", description="when a solution is right, as of the judge verifier")

    @field_validator("rule")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == cls.model_fields["rule"].default:
            return value
        # Imported here: judges load torch, and a mistyped key is reported before that.
        from penchant.rewards.verifiers import RULES

        if value not in RULES:
            raise ValueError(f"Input should be one of {', '.join(RULES)}")
        return value


@dataclass(frozen=True)
class MultiTask:
    """A resolved multi-task recipe.

    Args:
        stages: the recipe of each stage, in order; the models of later ones follow from earlier ones.
        solutions: how the evaluator's solutions are sampled.
        output: the folder of all stages.
    """

    stages: Mapping[str, Recipe]
    solutions: SolutionSampling
    output: Path


def names() -> list[str]:
    """The names of the packaged recipes.

    Example:
        >>> names()
        ['multi-task', 'ssft']
    """
    return sorted(path.stem for path in HERE.glob("*.yaml"))


def make_ssft(keys: Mapping[str, Any], where: str = "command line") -> Recipe:
    """The recipe of supervised solution fine-tuning, with keys overridden.

    Raises:
        ConfigurationError: a key is unknown, or a value has the wrong type or is out of range.

    Example:
        >>> make_ssft({"model": "m", "data": "problems.jsonl", "epochs": 1}).objective
        {'name': 'nll'}
    """
    return make_recipe({**_packaged("ssft"), **keys}, where)


def make_multi_task(keys: Mapping[str, Any], where: str = "command line") -> MultiTask:
    """The recipes of the three stages, with keys overridden.

    Args:
        keys: keys of all stages (``model``, ``data``, ``output``, ``learning_rate``), and of one
            (``evaluator.objective``), and those of ``solutions``.
        where: name of the source in errors.

    Raises:
        ConfigurationError: a key is unknown, or a value has the wrong type or is out of range; or the evaluator's
            objective reads no verdicts.
    """
    base, given = _packaged("multi-task"), nested(keys, where)
    names = (*STAGES, "solutions")
    packaged, parts = {name: base.pop(name) for name in names}, {name: given.pop(name, None) or {} for name in names}
    output = Path(str(given.pop("output", "runs/multi-task")))
    starts = {"generator": _packaged("ssft"), "evaluator": {}, "generator_again": _packaged("ssft")}
    stages = {}
    for name, start in starts.items():
        shared = {key: value for key, value in given.items() if name != "evaluator" or key not in _OF_GENERATORS}
        # What was given for all stages counts more than what a stage has of itself.
        own = {**start, **packaged[name], **shared, **nested(parts[name], where)}
        values = {**own, "output": str(output / STAGES[name])}
        stages[name] = make_recipe(values, f"{where}, {name}")
    try:
        solutions = SolutionSampling.model_validate({**packaged["solutions"], **parts["solutions"]})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            f"solutions.{'.'.join(map(str, first['loc']))}: {first['msg']}.", where=where
        ) from None
    if not str(stages["evaluator"].objective["name"]).startswith("verdict-"):
        raise ConfigurationError(
            f"The evaluator's objective is {stages['evaluator'].objective['name']!r}, which reads no verdicts.",
            where=where,
            fix="Choose evaluator.objective=verdict-margin or verdict-cross-entropy.",
        )
    return MultiTask(stages, solutions, output)


# What describes the generators' objective, data and steps, and not those of the evaluator.
_OF_GENERATORS = ("objective", "mapping", "kind", "split", "eval_data", "eval_split", "max_steps", "epochs")


def _packaged(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    return found
