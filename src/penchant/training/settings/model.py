"""`ModelSettings`: the policy, its adapter, its reference, and how it computes."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.image_settings import ImageSettings
from penchant.likelihood.reference_kinds import ReferenceKind
from penchant.training.recipe_keys import problem
from penchant.training.settings.adapter import LoRA, NamedReference, fields_of_config
from penchant.training.settings.part import Part

__all__ = ["LoRA", "ModelSettings", "NamedReference"]


class ModelSettings(Part):
    """Model, reference, adapter and number types."""

    model: str = Field(description="model folder (as written by save_pretrained), adapter folder, or hub id")
    base: str | None = Field(
        None, description="for an adapter folder: its base model; default: the one that adapter_config.json names"
    )
    adapter: Literal["continue", "merge_first", "new"] | None = Field(
        None,
        description="for a model with an adapter: continue trains it on, merge_first merges it into its base before "
        "training, new freezes it and trains another one on top; default: continue",
    )

    modality: str | None = Field(None, description="text or images; default: recognised by the model")
    denoising: DenoisingSettings | None = Field(None, description="for images: how denoising errors become likelihoods")
    images: ImageSettings | None = Field(None, description="for images: how they become pixels of the model's size")

    reference: ReferenceKind | NamedReference | None = Field(
        None,
        description="initial (the model at the start), cached (its log-probabilities on disk), none, or another model "
        "as {model: PATH, adapter: PATH, cached: true}; default: initial if needed",
    )
    cache: str | None = Field(
        None,
        description="cache folder for reference log-probabilities, tokens of large data, latents and text embeddings",
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
        if hasattr(value, "peft_type") and hasattr(value, "to_dict"):
            return fields_of_config(value)
        return {} if value is True else (None if value is False else value)

    @field_validator("reference", mode="before")
    @classmethod
    def _a_reference(cls, value: Any) -> Any:
        kinds = get_args(ReferenceKind)
        if isinstance(value, dict):
            try:
                return NamedReference.model_validate(value)
            except ValidationError as error:
                raise ValueError(problem(error.errors()[0], NamedReference, {}).rstrip(".")) from None
        if cls.model_fields["reference"].annotation is str or isinstance(value, NamedReference | None):
            return value
        if value not in kinds:
            raise ValueError(f"should be {', '.join(map(repr, kinds))}, or another model as {{model: FOLDER_OR_ID}}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _new_adapter(cls, values: Any) -> Any:
        # A new adapter is a LoRA adapter with the default settings if the recipe has none.
        if isinstance(values, dict) and values.get("adapter") == "new" and not values.get("lora"):
            return {**values, "lora": {}}
        return values
