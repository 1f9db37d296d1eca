"""`ModelSettings`: the policy, its adapter, its reference, and how it computes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator

from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.reference_kinds import ReferenceKind
from penchant.training.settings.part import Part

__all__ = ["LoRA", "ModelSettings"]


class LoRA(Part):
    """A low-rank adapter; the reference is the model with the adapter turned off."""

    rank: PositiveInt = Field(16, description="rank of the adapter's matrices")
    alpha: float = Field(32.0, gt=0, description="scale; the adapter's output is multiplied by alpha / rank")
    targets: str | list[str] = Field("all-linear", description="layers that get an adapter")
    quantize: Literal["4bit"] | None = Field(None, description="load the base model quantized (QLoRA; needs a GPU)")


class ModelSettings(Part):
    """Model, reference, adapter and number types."""

    model: str = Field(description="model folder (as written by save_pretrained) or hub id")

    modality: str | None = Field(None, description="text or images; default: recognised by the model")
    denoising: DenoisingSettings | None = Field(None, description="for images: how denoising errors become likelihoods")

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

    precision: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="number type of the forward pass; default: the type in which the model is stored"
    )
    router_aux_loss: bool | Annotated[float, Field(ge=0)] = Field(
        True,
        description="for a mixture of experts, the routers' auxiliary loss: true (the model's coefficient), false, or "
        "another coefficient",
    )
    weights: Literal["float32", "stored"] = Field(
        "float32",
        description="trained weights that are stored in bfloat16 or float16: float32 (exact steps, 2 bytes more per "
        "weight and per number of the optimizer; saved in the stored type) or stored (steps are rounded)",
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass: less memory, more time"
    )
    lora: LoRA | None = Field(None, description="train an adapter instead of all weights")
    device: Literal["cpu"] | None = Field(None, description="cpu, to run without the GPU")

    @field_validator("lora", mode="before")
    @classmethod
    def _switched_on(cls, value: Any) -> Any:
        return {} if value is True else (None if value is False else value)
