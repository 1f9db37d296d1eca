"""`KeepingSettings`: what a run measures, keeps, publishes and reports."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from penchant.training.settings.evaluating import SampledEvaluation
from penchant.training.settings.part import Part

__all__ = ["EarlyStopping", "KeepingSettings"]


class EarlyStopping(Part):
    """Ends a run whose held-out metric no longer improves."""

    patience: PositiveInt = Field(description="held-out measurements without improvement after which the run ends")
    min_delta: float = Field(0.0, ge=0, description="smallest change of the metric that counts as an improvement")


class KeepingSettings(Part):
    """Output folder, measurements, the model that is kept, checkpoints, samples, loggers and the hub."""

    output: str = Field("runs/run", description="output folder of the run")

    keep: Literal["last", "best"] = Field(
        "last", description="model that the run ends with: of the last step, or of the best held-out measurement"
    )
    metric: str | None = Field(
        None, description="held-out metric that decides what is best, as named in metrics.jsonl; default: loss"
    )
    metric_goal: Literal["max", "min"] | None = Field(
        None, description="whether a larger or a smaller value of the metric is better; default: known by the metric"
    )
    early_stopping: EarlyStopping | None = Field(
        None,
        description="end the run when the metric no longer improves: a number of measurements, or patience, min_delta",
    )

    eval_every: PositiveInt | None = Field(
        None,
        description="steps between held-out measurements; default: before and after training, ten times for keep: best",
    )
    eval: SampledEvaluation | None = Field(
        None,
        description="at every held-out measurement, sample responses and measure their win rate: judge, "
        "win_rate_against and more",
    )
    save_every: PositiveInt | None = Field(None, description="steps between checkpoints; default: at most ten per run")
    checkpoints: Literal["full", "weights", "none"] = Field(
        "full",
        description="what a checkpoint holds: full (can be resumed), weights (no optimizer state) or none at all",
    )
    keep_checkpoints: NonNegativeInt = Field(2, description="number of checkpoints to keep; 0 saves none")
    samples: int = Field(
        4, ge=0, le=100_000, description="number of prompts answered before and after training for the report"
    )
    sample_tokens: PositiveInt = Field(96, le=1_000_000, description="maximum tokens of such a sample")
    sample_steps: PositiveInt = Field(50, description="for images: sampler steps of such a sample")
    report_to: list[str] = Field(
        [], description="loggers, one or a list, as named in transformers (wandb, tensorboard, ...), or none"
    )
    push_to_hub: str | None = Field(
        None, description="repository on the Hugging Face hub that receives the model; the token is read from HF_TOKEN"
    )
    hub_private: bool = Field(True, description="create that repository as a private one")

    @field_validator("early_stopping", mode="before")
    @classmethod
    def _by_patience(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"patience": value}
        return None if value is False else value

    @field_validator("report_to", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        listed = [value] if isinstance(value, str) else value
        return [] if value is None or listed == ["none"] else listed
