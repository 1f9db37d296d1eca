"""The recipe: all settings of a run as one validated object, from YAML, the command line or Python."""

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
    """A low-rank adapter; the reference is the model with the adapter turned off."""

    rank: PositiveInt = Field(16, description="rank of the adapter's matrices")
    alpha: float = Field(32.0, gt=0, description="scale; the adapter's output is multiplied by alpha / rank")
    targets: str | list[str] = Field("all-linear", description="layers that get an adapter")
    quantize: Literal["4bit"] | None = Field(None, description="load the base model quantized (QLoRA; needs a GPU)")


class MixturePart(_Part):
    """One file of a mixture."""

    path: str = Field(description="file, saved datasets folder, or hub id")
    weight: float = Field(1.0, gt=0, description="relative share of an epoch")

    @field_validator("weight", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("should be a number")
        return value


#: One path, named sources, or a mixture.
Data: TypeAlias = str | dict[str, str] | list[MixturePart]

DATA_FORMS = (
    "a path, named sources {forget: PATH, retain: PATH}, or a mixture [{path: PATH, weight: NUMBER above 0}, ...]"
)


def data_values(data: Data | None) -> Any:
    """The recipe's data as plain values: a path, a mapping, or a list of ``{"path", "weight"}``."""
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

    model: str = Field(description="model folder (as written by save_pretrained) or hub id")
    data: Data = Field(description="file, saved datasets folder, or hub id; several as named sources or a mixture")
    objective: dict[str, Any] = Field(
        {"name": "dpo"}, description="name and hyper-parameters; a name such as 'dpo+0.2*nll' is a weighted sum"
    )
    output: str = Field("runs/run", description="output folder of the run")

    split: str | None = Field(None, description="split or rows of the data to train on")
    eval_data: Data | None = Field(None, description="held-out data: file, folder or hub id; named sources as in data")
    eval_split: str | None = Field(None, description="split or rows of the data to hold out")
    eval_share: float | None = Field(
        None, gt=0, lt=1, description="share of the training data to hold out, instead of eval_data"
    )
    eval_seed: int | None = Field(None, ge=0, description="seed for drawing that share; default: seed")
    eval_limit: PositiveInt | None = Field(None, description="maximum number of held-out records to measure")
    mapping: dict[str, str] = Field({}, description="column of the data for each field, e.g. chosen: better")
    kind: str | None = Field(None, description="kind of feedback; default: recognised by the columns")
    on_bad: Literal["stop", "skip"] = Field("stop", description="stop at a bad record, or skip it")

    modality: str | None = Field(None, description="text or images; default: recognised by the model")
    denoising: DenoisingSettings | None = Field(None, description="for images: how denoising errors become likelihoods")

    chat_template: str | None = Field(None, description="plain, chatml, or a Jinja file; default: the tokenizer's")
    end_token: str | None = Field(None, description="token that ends a response; default: the tokenizer's")
    max_length: PositiveInt | None = Field(
        None, description="maximum tokens of prompt and response; default: the model's limit"
    )
    truncation: Literal["prompt_left", "response_right", "drop", "error"] = Field(
        "prompt_left", description="how to handle longer records"
    )

    reference: ReferenceKind | None = Field(
        None,
        description="initial (a frozen copy), cached (log-probabilities on disk) or none; default: initial if needed",
    )
    cache: str | None = Field(
        None, description="cache folder for reference log-probabilities, latents and text embeddings"
    )
    attention: Literal["segments", "flex", "dense", "sequences"] | None = Field(
        None, description="attention for batches with shared prompts; default: chosen by device and model"
    )

    batch_size: PositiveInt = Field(8, description="prompts per optimizer step, over all processes")
    tokens_per_batch: PositiveInt | None = Field(
        None, description="token budget per optimizer step, instead of batch_size"
    )
    accumulate: PositiveInt | None = Field(
        None,
        description="micro-batches per step (affects memory, not the loss); default: chosen by size on a CPU, else 1",
    )
    group_by_length: bool = Field(False, description="put prompts of similar length into the same step")
    epochs: float = Field(1.0, gt=0, description="number of passes over the data")
    max_steps: PositiveInt | None = Field(None, description="number of optimizer steps instead of epochs")

    learning_rate: float = Field(1e-6, gt=0, description="peak learning rate")
    schedule: str = Field("linear", description="learning-rate schedule, as named in transformers")
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps in which the learning rate warms up")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of the optimizer")
    max_grad_norm: float = Field(1.0, ge=0, description="gradients are clipped to this norm; 0 turns clipping off")
    optimizer: str = Field("adamw_torch_fused", description="optimizer, as named in transformers")

    precision: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="number type of the forward pass; default: the model's"
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass: less memory, more time"
    )
    lora: LoRA | None = Field(None, description="train an adapter instead of all weights")
    device: Literal["cpu"] | None = Field(None, description="cpu, to run without the GPU")

    seed: int = Field(0, ge=0, description="random seed for order, sampling and adapters")
    eval_every: PositiveInt | None = Field(None, description="steps between held-out measurements")
    save_every: PositiveInt | None = Field(None, description="steps between checkpoints; default: at most ten per run")
    keep_checkpoints: PositiveInt = Field(2, description="number of checkpoints to keep")
    samples: int = Field(4, ge=0, description="number of prompts answered before and after training for the report")
    sample_tokens: PositiveInt = Field(96, description="maximum tokens of such a sample")
    sample_steps: PositiveInt = Field(50, description="for images: sampler steps of such a sample")
    report_to: list[str] = Field([], description="loggers, as named in transformers (wandb, tensorboard, ...)")

    @field_validator("objective", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        # ``--set beta=0.2`` alone applies to the default objective.
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
            found |= {name: _number(each) for name, each in parts.items() if name != "name"}
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
PARTS: dict[str, type[BaseModel]] = {"lora": LoRA, "denoising": DenoisingSettings}


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
        return form.model_validate(nested(values, where))
    except ValidationError as error:
        raise ConfigurationError(
            " ".join(problem(each, form, PARTS) for each in error.errors()[:3]), where=where
        ) from None


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe from a YAML file, with keys overridden.

    Raises:
        ConfigurationError: no such file, not YAML, or an invalid recipe.
    """
    return make_recipe({**read_keys(path), **(overrides or {})}, where=str(path))
