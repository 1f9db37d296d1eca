"""The recipe: all settings of a run as one validated object, from YAML, the command line or Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ValidationError, model_validator

from penchant.errors import ConfigurationError
from penchant.known_settings import check_part_keys
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.image_settings import ImageSettings
from penchant.training.coming_from.answers import answer_to
from penchant.training.recipe_keys import nested, problem, read_keys
from penchant.training.settings.adapter import LoRA, NamedReference
from penchant.training.settings.data import DataSettings, MixturePart, data_paths, data_values
from penchant.training.settings.devices import DeviceSettings
from penchant.training.settings.evaluating import SampledEvaluation
from penchant.training.settings.keeping import EarlyStopping, KeepingSettings
from penchant.training.settings.model import ModelSettings
from penchant.training.settings.optimization import OptimizationSettings

__all__ = [
    "GROUPS",
    "LoRA",
    "MixturePart",
    "NamedReference",
    "Recipe",
    "data_paths",
    "data_values",
    "is_half_factor",
    "make_recipe",
    "read_recipe",
    "validated",
]

#: The groups of a recipe's keys, in the order of the documentation.
GROUPS = (ModelSettings, DataSettings, OptimizationSettings, DeviceSettings, KeepingSettings)


class Recipe(KeepingSettings, DeviceSettings, OptimizationSettings, DataSettings, ModelSettings):
    """A training run.

    Example:
        >>> make_recipe({"model": "m", "data": "pairs.jsonl", "objective": {"name": "dpo", "beta": 0.2}}).objective
        {'name': 'dpo', 'beta': 0.2}
    """

    #: What the keys that hold a name and settings name.
    NAMED_PARTS: ClassVar[Mapping[str, str]] = {"objective": "objective", "parameters": "parameter strategy"}

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        given = [key for key in ("eval_data", "eval_split") if getattr(self, key) is not None]
        if given and self.eval_share is not None:
            raise ValueError(f"{given[0]} and eval_share both define the held-out data; give one of them")
        for key, value in self.hyper.items():
            if is_half_factor(key) and value != self.half_factor:
                raise ValueError(
                    f"objective.{key} is {value} and denoising.half_factor is {self.half_factor:g}; set only "
                    "denoising.half_factor, which the objective uses too"
                )
        return self

    @property
    def hyper(self) -> dict[str, Any]:
        """The objective's hyper-parameters by name: ``dpo.beta`` for a part of an expression."""
        found: dict[str, Any] = {}
        for key, value in self.objective.items():
            # ``objective.dpo.beta=0.3`` on a command line sets a key of a part of the objective.
            parts = {f"{key}.{name}": each for name, each in value.items()} if isinstance(value, dict) else {key: value}
            found |= {name: _number(each) for name, each in parts.items() if name not in ("name", "path")}
        return found

    @property
    def half_factor(self) -> float:
        """h in log-likelihood = -h x error."""
        return (self.denoising or DenoisingSettings()).half_factor


def _number(value: Any) -> Any:
    """A number that YAML reads as text, such as 1e-3."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def is_half_factor(key: str) -> bool:
    """Whether a hyper-parameter is the factor h; a part of an expression may stand in front.

    Example:
        >>> is_half_factor("mapo.half_factor"), is_half_factor("beta")
        (True, False)
    """
    return key.rpartition(".")[2] == "half_factor"


# Parts of a recipe with their own keys.
PARTS: dict[str, type[BaseModel]] = {
    "lora": LoRA,
    "reference": NamedReference,
    "denoising": DenoisingSettings,
    "images": ImageSettings,
    "early_stopping": EarlyStopping,
    "eval": SampledEvaluation,
}


def make_recipe(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Make a validated recipe.

    Args:
        values: keys and values; dotted keys (``objective.beta``) reach into parts.
        where: name of the source in errors.

    Raises:
        ConfigurationError: a key is unknown, or a value has the wrong type or lies out of range.
    """
    return validated(values, where, Recipe)


Form = TypeVar("Form", bound=Recipe)


def validated(values: Mapping[str, Any], where: str, form: type[Form]) -> Form:
    """Make a validated recipe of a subclass of `Recipe`.

    Args:
        values: keys and values, as for `make_recipe`.
        where: name of the source in errors.
        form: the subclass.

    Raises:
        ConfigurationError: as for `make_recipe`.
    """
    try:
        made = form.model_validate(nested(values, where))
    except ValidationError as error:
        # Unknown keys first: a mistyped key is also a missing one.
        errors = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        unknown = [str(each["loc"][0]) for each in errors if each["type"] == "extra_forbidden"]
        raise ConfigurationError(
            " ".join(problem(each, form, PARTS) for each in errors[:3]), where=where, fix=_conversion(unknown)
        ) from None
    for key, kind in form.NAMED_PARTS.items():
        check_part_keys(kind, getattr(made, key))
    if made.eval is not None:
        check_part_keys("judge", made.eval.judge)
    made.check_names(where)
    return made


def _conversion(unknown: list[str]) -> str | None:
    """Advice to convert the file, where many of its keys belong to another library."""
    foreign = [found for key in unknown if (found := answer_to(key))]
    if len(foreign) < 3:
        return None
    return "A file of another library becomes a recipe with `penchant convert FILE`."


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe from a YAML file, with keys overridden.

    Raises:
        ConfigurationError: no such file, not YAML, or an invalid recipe.
    """
    return make_recipe({**read_keys(path, overrides or {}), **(overrides or {})}, where=str(path))
