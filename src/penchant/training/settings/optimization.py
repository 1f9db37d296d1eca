"""`OptimizationSettings`: objective, steps, learning rate and optimizer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PositiveInt, field_validator, model_validator

from penchant.errors import ConfigurationError, nearest
from penchant.training.settings.part import Part

__all__ = ["OptimizationSettings"]


class OptimizationSettings(Part):
    """Objective, steps, learning rate and optimizer."""

    objective: dict[str, Any] = Field(
        {"name": "dpo"},
        description="name and hyper-parameters; a name such as 'dpo+0.2*nll' is a weighted sum; path: loss.py:MyLoss "
        "names a class or function of your own",
    )

    parameters: dict[str, Any] | None = Field(
        None,
        description="which weights move: name and settings, e.g. {name: wagle, ratio: 0.8} or {name: mrp, rank: 2}; "
        "default: all",
    )

    batch_size: PositiveInt = Field(8, description="prompts per optimizer step, over all processes")
    tokens_per_batch: PositiveInt | None = Field(
        None, description="token budget per optimizer step, instead of batch_size"
    )
    accumulate: PositiveInt | None = Field(
        None,
        le=65_536,
        description="micro-batches per step (affects memory, not the loss); default: chosen by size on a CPU, else 1",
    )
    group_by_length: bool = Field(False, description="put prompts of similar length into the same step")
    epochs: float = Field(1.0, gt=0, description="number of passes over the data")
    max_steps: PositiveInt | None = Field(None, description="number of optimizer steps instead of epochs")

    learning_rate: float = Field(1e-6, gt=0, description="peak learning rate")
    head_learning_rate: float | None = Field(
        None,
        gt=0,
        description="peak learning rate of the objective's own weights, such as a reward head, which usually need "
        "10 to 1000 times the model's; default: learning_rate",
    )
    layer_learning_rate_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="factor of the learning rate from each layer to the one below it; 1 gives all layers the same",
    )
    learning_rates: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {},
        description="peak learning rates of some weights by pattern of their names, e.g. "
        "{'model.embed_tokens.*': 1e-7}; the first that matches counts",
    )
    schedule: str = Field("linear", description="learning-rate schedule, as named in transformers")
    schedule_arguments: dict[str, Any] = Field(
        {},
        description="arguments of the schedule, e.g. num_cycles: 2; also written schedule: {name: ..., num_cycles: 2}",
    )
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps in which the learning rate warms up")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of the optimizer")
    max_grad_norm: float = Field(1.0, ge=0, description="gradients are clipped to this norm; 0 turns clipping off")
    optimizer: str = Field("adamw_torch_fused", description="optimizer, as named in transformers")
    optimizer_arguments: dict[str, Any] = Field(
        {},
        description="arguments of the optimizer, e.g. betas: [0.9, 0.95]; or optimizer: {name: ..., eps: 1e-6}",
    )

    seed: int = Field(0, ge=0, lt=2**32, description="random seed for order, sampling and adapters")

    @field_validator("objective", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and isinstance(value.get("path"), str):
            return {"name": value["path"].rpartition(":")[2], **value}
        # ``--set beta=0.2`` alone applies to the default objective.
        return {"name": "dpo", **value} if isinstance(value, dict) else value

    @field_validator("parameters", mode="before")
    @classmethod
    def _strategy(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        return {key: _number(each) for key, each in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="before")
    @classmethod
    def _arguments_apart(cls, values: Any) -> Any:
        """``schedule: {name: cosine, num_cycles: 2}`` is short for ``schedule`` and ``schedule_arguments``."""
        for key in ("schedule", "optimizer"):
            part = values.get(key) if isinstance(values, dict) else None
            if isinstance(part, dict):
                name = part.get("name", cls.model_fields[key].default)
                own = {each: value for each, value in part.items() if each != "name"}
                values = {**values, key: name, f"{key}_arguments": {**(values.get(f"{key}_arguments") or {}), **own}}
        return values

    @field_validator("schedule_arguments", "optimizer_arguments", "learning_rates", mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        """Numbers that YAML reads as text, such as 1e-8, as numbers."""
        return {key: _number(each) for key, each in value.items()} if isinstance(value, dict) else value

    @field_validator("schedule", mode="before")
    @classmethod
    def _by_alias(cls, value: Any) -> Any:
        return "warmup_stable_decay" if value == "wsd" else value

    def check_names(self, where: str) -> None:
        """Refuse a schedule or an optimizer that transformers, which is loaded for it, does not name.

        Args:
            where: name of the recipe in errors.

        Raises:
            ConfigurationError: there is no such schedule or optimizer.
        """
        fields = type(self).model_fields
        for key in ("schedule", "optimizer"):
            value = getattr(self, key)
            if value == fields[key].default:
                continue
            from transformers.trainer_utils import SchedulerType
            from transformers.training_args import OptimizerNames

            known = [str(each.value) for each in (SchedulerType if key == "schedule" else OptimizerNames)]
            if value not in known:
                raise ConfigurationError(
                    f"{key!r} is {value!r}: transformers has no such {key}. {nearest(value, known)}", where=where
                )


def _number(value: Any) -> Any:
    if isinstance(value, list):
        return [_number(each) for each in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
