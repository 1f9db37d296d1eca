"""Encoding of prompts with the text encoders of a diffusers pipeline."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from penchant.errors import ModelError

__all__ = ["ADDED", "check_encoders", "embed_prompt", "text_encoders"]

#: Inputs that UNets with several text encoders take in a separate dictionary (``added_cond_kwargs``).
ADDED = ("text_embeds", "time_ids")


def text_encoders(pipeline: Any) -> list[Any]:
    """The text encoders of a pipeline in order, without absent ones."""
    found = (getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2", "text_encoder_3"))
    return [each for each in found if each is not None]


def check_encoders(pipeline: Any, config: Any) -> None:
    """Check that the conditioning of a pipeline's denoiser is supported.

    Args:
        pipeline: a diffusers pipeline.
        config: the configuration of its denoiser.

    Raises:
        ModelError: it is conditioned on images, or on several text encoders unlike SDXL and Stable Diffusion 3.
    """
    asks_image = getattr(pipeline, "image_encoder", None) is not None
    known = config.get("addition_embed_type") == "text_time" or config.get("pooled_projection_dim")
    several = len(text_encoders(pipeline)) > 1
    if asks_image or (several and (not known or config.get("guidance_embeds") is not None)):
        raise ModelError(
            f"The conditioning of {type(pipeline).__name__} is not supported.",
            fix="Give a pipeline with class conditioning or one text encoder, or like SDXL or Stable Diffusion 3.",
        )


def embed_prompt(pipeline: Any, config: Any, prompt: str, picture: tuple[int, int], device: torch.device) -> Any:
    """The denoiser's conditioning inputs for one prompt, without a batch dimension.

    With one text encoder: its last hidden states for the padded and truncated prompt. With several: the outputs of the
    pipeline's ``encode_prompt``, and the image size if the denoiser takes it.

    Args:
        pipeline: a diffusers pipeline.
        config: the configuration of its denoiser.
        prompt: a text.
        picture: height and width in pixels, uncropped.
        device: the device of the encoders.
    """
    if len(text_encoders(pipeline)) == 1 and not config.get("pooled_projection_dim"):
        tokenizer = pipeline.tokenizer
        ids = tokenizer(
            prompt, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
        ).input_ids
        return {"encoder_hidden_states": pipeline.text_encoder(ids.to(device))[0][0].float().cpu()}
    further = {"prompt_2": None} | ({"prompt_3": None} if hasattr(pipeline, "text_encoder_3") else {})
    states, _none, pooled, _also_none = pipeline.encode_prompt(
        prompt, **further, device=device, num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    inputs: dict[str, Tensor] = {"encoder_hidden_states": states[0].float().cpu()}
    if config.get("addition_embed_type") == "text_time":
        size = (*picture, 0, 0, *picture)  # original size, crop offset, target size
        return inputs | {"text_embeds": pooled[0].float().cpu(), "time_ids": torch.tensor(size, dtype=torch.float32)}
    return inputs | {"pooled_projections": pooled[0].float().cpu()}
