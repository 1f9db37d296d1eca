"""The recipe: everything a run depends on, as one validated object. YAML and the command line are views of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from penchant.errors import ConfigurationError, nearest
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.references.reference import ReferenceKind
from penchant.training.recipe_keys import nested, problem, read_keys

__all__ = [
    "LoRA",
    "MixturePart",
    "Recipe",
    "data_paths",
    "data_values",
    "is_half_factor",
    "make_recipe",
    "read_recipe",
    "validated",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True, protected_namespaces=(), allow_inf_nan=False)


class LoRA(_Part):
    """A low-rank adapter; the reference is the model with it switched off."""

    rank: PositiveInt = Field(16, description="rank of the adapter's matrices")
    alpha: float = Field(32.0, gt=0, description="scale; the adapter's output is multiplied by alpha / rank")
    targets: str | list[str] = Field("all-linear", description="layers that get an adapter")
    quantize: Literal["4bit"] | None = Field(None, description="load the base model quantized (QLoRA; needs a GPU)")


class MixturePart(_Part):
    """One file of a mixture."""

    path: str = Field(description="file, saved datasets folder, or hub id")
    weight: float = Field(1.0, gt=0, description="how much of an epoch it makes up, in proportion")

    @field_validator("weight", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("should be a number")
        return value


#: One place; named sources; or a mixture.
Data: TypeAlias = str | dict[str, str] | list[MixturePart]

DATA_FORMS = (
    "a path, named sources {forget: PATH, retain: PATH}, or a mixture [{path: PATH, weight: NUMBER above 0}, ...]"
)


def data_values(data: Data | None) -> Any:
    """The recipe's data in plain values: a path, a mapping, or a list of ``{"path", "weight"}``."""
    return [each.model_dump() for each in data] if isinstance(data, list) else data


def data_paths(data: Data | None) -> list[str]:
    """All paths that the recipe's data name.

    Example:
        >>> data_paths({"forget": "a.jsonl", "retain": "b.jsonl"}), data_paths("a.jsonl"), data_paths(None)
        (['a.jsonl', 'b.jsonl'], ['a.jsonl'], [])
    """
    if data is None or isinstance(data, str):
        return [] if data is None else [data]
    return list(data.values()) if isinstance(data, dict) else [each.path for each in data]


def _wrong_part(parts: list[Any]) -> str:
    """What is wrong with the first file of a mixture that cannot be read as one; empty where all can."""
    for number, part in enumerate(parts, start=1):
        try:
            MixturePart.model_validate(part)
        except ValidationError as error:
            return f"part {number} of the mixture: {problem(error.errors()[0], MixturePart, {})} Expected"
    return ""


class Recipe(_Part):
    """A training run.

    Example:
        >>> make_recipe({"model": "m", "data": "pairs.jsonl", "objective": {"name": "dpo", "beta": 0.2}}).objective
        {'name': 'dpo', 'beta': 0.2}
    """

    model: str = Field(description="folder written by save_pretrained, or a hub id")
    data: Data = Field(description="file, saved datasets folder, or hub id; several as named sources or a mixture")
    objective: dict[str, Any] = Field({"name": "dpo"}, description="name and hyper-parameters; 'dpo+0.2*nll' is a sum")
    output: str = Field("runs/run", description="the run's folder")

    split: str | None = Field(None, description="which rows or split of the data to train on")
    eval_data: Data | None = Field(None, description="held-out file, folder or id; named sources as in data")
    eval_split: str | None = Field(None, description="which rows or split to hold out")
    eval_share: float | None = Field(None, gt=0, lt=1, description="share of the training data to hold out instead")
    eval_seed: int | None = Field(None, ge=0, description="seed of that share; the run's own where absent")
    eval_limit: PositiveInt | None = Field(None, description="most held-out records to measure")
    mapping: dict[str, str] = Field({}, description="our field name: the data's column")
    kind: str | None = Field(None, description="kind of feedback, where the columns do not show it")
    on_bad: Literal["stop", "skip"] = Field("stop", description="what to do with a bad record")

    modality: str | None = Field(None, description="text or images; recognised by the model")
    denoising: DenoisingSettings | None = Field(None, description="images: how errors become likelihoods")

    chat_template: str | None = Field(None, description="plain, chatml, a Jinja file; the tokenizer's own where absent")
    end_token: str | None = Field(None, description="token that ends a response; the tokenizer's own where absent")
    max_length: PositiveInt | None = Field(
        None, description="most tokens of prompt and response; the model's where absent"
    )
    truncation: Literal["prompt_left", "response_right", "drop", "error"] = Field(
        "prompt_left", description="what to do with longer ones"
    )

    reference: ReferenceKind | None = Field(
        None, description="the reference: a frozen copy, log-probabilities on disk, none; initial where one is needed"
    )
    cache: str | None = Field(
        None, description="folder of what is computed once: reference log-probabilities, latents, text embeddings"
    )
    attention: Literal["segments", "flex", "dense", "sequences"] | None = Field(
        None, description="how a forest is attended; chosen by device and model where absent"
    )

    batch_size: PositiveInt = Field(8, description="prompts per optimizer step, over all processes")
    tokens_per_batch: PositiveInt | None = Field(None, description="token budget per optimizer step instead")
    accumulate: PositiveInt | None = Field(
        None, description="micro-batches a step is computed in (memory, not the loss); chosen by size on a CPU, else 1"
    )
    group_by_length: bool = Field(False, description="put prompts of like length into one step")
    epochs: float = Field(1.0, gt=0, description="passes over the data")
    max_steps: PositiveInt | None = Field(None, description="number of optimizer steps instead of epochs")

    learning_rate: float = Field(1e-6, gt=0, description="peak learning rate")
    schedule: str = Field("linear", description="learning-rate schedule of transformers")
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps in which the learning rate rises")
    weight_decay: float = Field(0.0, ge=0, description="of the optimizer")
    max_grad_norm: float = Field(1.0, ge=0, description="gradients are scaled down to this norm; 0 for never")
    optimizer: str = Field("adamw_torch_fused", description="optimizer of transformers")

    precision: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="number type of the forward pass; the model's own where absent"
    )
    gradient_checkpointing: bool = Field(False, description="recompute activations in backward: less memory, more time")
    lora: LoRA | None = Field(None, description="train an adapter instead of all weights")
    device: Literal["cpu"] | None = Field(None, description="cpu to leave a GPU alone")

    seed: int = Field(0, ge=0, description="of order, sampling and adapters")
    eval_every: PositiveInt | None = Field(None, description="steps between held-out measurements")
    save_every: PositiveInt | None = Field(
        None, description="steps between checkpoints; at most ten a run where absent"
    )
    keep_checkpoints: PositiveInt = Field(2, description="checkpoints to keep")
    samples: int = Field(4, ge=0, description="prompts to show before and after in the report")
    sample_tokens: PositiveInt = Field(96, description="most tokens of a shown sample")
    sample_steps: PositiveInt = Field(50, description="images: steps of the sampler for a shown sample")
    report_to: list[str] = Field([], description="loggers of transformers (wandb, tensorboard, ...)")

    @field_validator("objective", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        # ``--set beta=0.2`` alone means the objective that is the default.
        return {"name": "dpo", **value} if isinstance(value, dict) else value

    @field_validator("data", "eval_data", mode="before")
    @classmethod
    def _of_a_known_form(cls, value: Any) -> Any:
        named = isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values())
        mixed = isinstance(value, list) and value and all(isinstance(each, dict | MixturePart) for each in value)
        # The union of forms would say it in three errors.
        wrong = _wrong_part(value) if mixed else ""
        if wrong or not (value is None or isinstance(value, str) or named or mixed):
            raise ValueError(f"{wrong or 'expected'} {DATA_FORMS}")
        return value

    @field_validator("lora", mode="before")
    @classmethod
    def _switched_on(cls, value: Any) -> Any:
        return {} if value is True else (None if value is False else value)

    @field_validator("schedule", "optimizer")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        if value == cls.model_fields[str(info.field_name)].default:
            return value
        from transformers.trainer_utils import SchedulerType
        from transformers.training_args import OptimizerNames

        known = [str(each.value) for each in (SchedulerType if info.field_name == "schedule" else OptimizerNames)]
        if value not in known:
            raise ValueError(f"transformers has no such {info.field_name}. {nearest(value, known)}".rstrip("."))
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        given = [key for key in ("eval_data", "eval_split") if getattr(self, key) is not None]
        if given and self.eval_share is not None:
            raise ValueError(f"{given[0]} and eval_share both say what is held out; give one of them")
        for key, value in self.hyper.items():
            if is_half_factor(key) and value != self.half_factor:
                raise ValueError(
                    f"objective.{key} is {value} and denoising.half_factor is {self.half_factor:g}; set "
                    "denoising.half_factor alone, the objective is given it"
                )
        return self

    @property
    def hyper(self) -> dict[str, Any]:
        """The objective's hyper-parameters by name: ``dpo.beta`` for a part of an expression."""
        found: dict[str, Any] = {}
        for key, value in self.objective.items():
            # ``objective.dpo.beta=0.3`` on a command line is a part of a part.
            parts = {f"{key}.{name}": each for name, each in value.items()} if isinstance(value, dict) else {key: value}
            found |= {name: _number(each) for name, each in parts.items() if name != "name"}
        return found

    @property
    def half_factor(self) -> float:
        """h in log-likelihood = -h x error; the default where ``denoising`` is absent."""
        return (self.denoising or DenoisingSettings()).half_factor


def _number(value: Any) -> Any:
    """YAML reads 1e-3 as a text; a hyper-parameter never means that."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def is_half_factor(key: str) -> bool:
    """Whether a hyper-parameter, perhaps with its part of an expression in front, is the factor h.

    Example:
        >>> is_half_factor("mapo.half_factor"), is_half_factor("beta")
        (True, False)
    """
    return key.rpartition(".")[2] == "half_factor"


# The parts of a recipe that have keys of their own.
PARTS: dict[str, type[BaseModel]] = {"lora": LoRA, "denoising": DenoisingSettings}


def make_recipe(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """A validated recipe.

    Args:
        values: keys and values; dotted keys (``objective.beta``) reach into parts.
        where: what to call the source in errors.

    Raises:
        ConfigurationError: a key is unknown, or a value has the wrong type or lies out of range.
    """
    return validated(values, where, Recipe)


Form = TypeVar("Form", bound=Recipe)


def validated(values: Mapping[str, Any], where: str, form: type[Form]) -> Form:
    """A validated recipe of a kind that has more keys than `Recipe`.

    Args:
        values: keys and values, as for `make_recipe`.
        where: what to call the source in errors.
        form: the kind.

    Raises:
        ConfigurationError: as for `make_recipe`.
    """
    try:
        return form.model_validate(nested(values, where))
    except ValidationError as error:
        raise ConfigurationError(
            " ".join(problem(each, form, PARTS) for each in error.errors()[:3]), where=where
        ) from None


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe from a YAML file, with keys given on the command line on top.

    Raises:
        ConfigurationError: no such file, not YAML, or an invalid recipe.
    """
    return make_recipe({**read_keys(path), **(overrides or {})}, where=str(path))
