"""`KeepingSettings`: what a run measures, saves and reports."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from penchant.training.settings.part import Part

__all__ = ["KeepingSettings"]


class KeepingSettings(Part):
    """Output folder, measurements, checkpoints, samples and loggers."""

    output: str = Field("runs/run", description="output folder of the run")

    eval_every: PositiveInt | None = Field(None, description="steps between held-out measurements")
    save_every: PositiveInt | None = Field(None, description="steps between checkpoints; default: at most ten per run")
    keep_checkpoints: PositiveInt = Field(2, description="number of checkpoints to keep")
    samples: int = Field(4, ge=0, description="number of prompts answered before and after training for the report")
    sample_tokens: PositiveInt = Field(96, description="maximum tokens of such a sample")
    sample_steps: PositiveInt = Field(50, description="for images: sampler steps of such a sample")
    report_to: list[str] = Field([], description="loggers, as named in transformers (wandb, tensorboard, ...)")
