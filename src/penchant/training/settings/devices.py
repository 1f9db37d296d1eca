"""`DeviceSettings`: the processes of a run, and how the model is divided among them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from penchant.training.settings.part import Part

__all__ = ["DeviceSettings"]


class DeviceSettings(Part):
    """Processes (started by torchrun or accelerate launch), and how they hold the model."""

    strategy: Literal["ddp", "fsdp", "zero2", "zero3"] | None = Field(
        None,
        description="how several processes hold the model: ddp (each a whole copy), fsdp (FSDP2: weights, gradients "
        "and optimizer divided), zero2 or zero3 (DeepSpeed); default: as accelerate launch says, else ddp",
    )
    processes: PositiveInt | None = Field(
        None,
        le=65_536,
        description="number of processes that the launcher must have started; with another number nothing starts",
    )
