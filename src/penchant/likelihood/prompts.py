"""A prompt encoded by a pipeline's text encoders, as its denoiser takes it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from penchant.errors import ModelError

__all__ = ["ADDED", "check_encoders", "embed_prompt", "text_encoders"]

#: Inputs that UNets with several text encoders take in a dictionary of their own (``added_cond_kwargs``).
ADDED = ("text_embeds", "time_ids")


def text_encoders(pipeline: Any) -> list[Any]:
    """The text encoders of a pipeline, in its order; those that were left out are not among them."""
    found = (getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2", "text_encoder_3"))
    return [each for each in found if each is not None]


def check_encoders(pipeline: Any, config: Any) -> None:
    """Refuse a pipeline whose denoiser is conditioned in a way that is not known.

    Args:
        pipeline: of diffusers.
        config: of its denoiser.

    Raises:
        ModelError: it needs images, or several text encoders in another form than those of SDXL and Stable Diffusion 3.
    """
    asks_image = getattr(pipeline, "image_encoder", None) is not None
    known = config.get("addition_embed_type") == "text_time" or config.get("pooled_projection_dim")
    several = len(text_encoders(pipeline)) > 1
    if asks_image or (several and (not known or config.get("guidance_embeds") is not None)):
        raise ModelError(
            f"{type(pipeline).__name__} conditions its denoiser in a way that is not known here.",
            fix="Give a pipeline conditioned by a class or by one text encoder, or of the kind of SDXL or Stable "
            "Diffusion 3.",
        )


def embed_prompt(pipeline: Any, config: Any, prompt: str, picture: tuple[int, int], device: torch.device) -> Any:
    """The denoiser's further inputs for one prompt, without a batch dimension.

    With one text encoder its last hidden states, for padded and truncated tokens; with several, what the pipeline's
    own ``encode_prompt`` gives, and the size of the picture where the denoiser asks for it.

    Args:
        pipeline: of diffusers.
        config: of its denoiser.
        prompt: a text.
        picture: height and width in pixels, uncropped.
        device: where the encoders are.
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
        size = (*picture, 0, 0, *picture)  # as it was, where it was cropped, as it is wanted
        return inputs | {"text_embeds": pooled[0].float().cpu(), "time_ids": torch.tensor(size, dtype=torch.float32)}
    return inputs | {"pooled_projections": pooled[0].float().cpu()}
