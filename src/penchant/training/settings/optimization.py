"""`OptimizationSettings`: objective, steps, learning rate and optimizer."""

from __future__ import annotations

from typing import Any

from pydantic import Field, PositiveInt, ValidationInfo, field_validator

from penchant.errors import nearest
from penchant.training.settings.part import Part

__all__ = ["OptimizationSettings"]


class OptimizationSettings(Part):
    """Objective, steps, learning rate and optimizer."""

    objective: dict[str, Any] = Field(
        {"name": "dpo"}, description="name and hyper-parameters; a name such as 'dpo+0.2*nll' is a weighted sum"
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

    seed: int = Field(0, ge=0, description="random seed for order, sampling and adapters")

    @field_validator("objective", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        # ``--set beta=0.2`` alone applies to the default objective.
        return {"name": "dpo", **value} if isinstance(value, dict) else value

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
