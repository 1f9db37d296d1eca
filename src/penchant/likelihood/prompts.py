"""Encoding of prompts with the text encoders of a diffusers pipeline."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from penchant.errors import ModelError

__all__ = ["ADDED", "KeptPrompt", "check_encoders", "embed_prompt", "kept_of", "text_encoders"]

#: Inputs that networks take in a separate dictionary (``added_cond_kwargs``).
ADDED = ("text_embeds", "time_ids", "resolution", "aspect_ratio")

#: The inputs of a network that this module makes, those that the scorer makes, and those that a network may go without.
_MADE = ("encoder_hidden_states", "encoder_attention_mask", "pooled_projections", "class_labels", "added_cond_kwargs")
_SCORER = ("sample", "hidden_states", "timestep", "return_dict")
_FREE = ("cross_attention_kwargs", "joint_attention_kwargs", "attention_kwargs", "block_controlnet_hidden_states")

#: Networks that read the text of one encoder or of several, by their class.
_TEXT_NETWORKS = ("UNet2DConditionModel", "SD3Transformer2DModel", "PixArtTransformer2DModel")


class KeptPrompt(NamedTuple):
    """What the text encoders of a pipeline see of a prompt.

    Args:
        ids: for each encoder, the token ids that it sees.
        cut: for each encoder that sees only the start, the tokens of the prompt and the most that it sees, with its
            special tokens.
    """

    ids: tuple[tuple[int, ...], ...]
    cut: dict[str, tuple[int, int]]


def text_encoders(pipeline: Any) -> list[Any]:
    """The text encoders of a pipeline in order, without absent ones."""
    return [getattr(pipeline, name) for name in _encoder_names(pipeline)]


def _encoder_names(pipeline: Any) -> list[str]:
    names = ("text_encoder", "text_encoder_2", "text_encoder_3")
    return [name for name in names if getattr(pipeline, name, None) is not None]


def check_encoders(pipeline: Any, network: nn.Module, config: Mapping[str, Any]) -> None:
    """Check that every input of a pipeline's denoiser can be made.

    Args:
        pipeline: a diffusers pipeline.
        network: its denoiser.
        config: the configuration of the denoiser.

    Raises:
        ModelError: the denoiser takes an input that is not made from prompt and image, which the error names.
    """
    lacking = _lacking(pipeline, network, config)
    if lacking is not None:
        raise ModelError(
            f"The conditioning of {type(pipeline).__name__} is not supported: {lacking}.",
            fix="Give a pipeline with class conditioning, or one like Stable Diffusion, SDXL, Stable Diffusion 3 or "
            "PixArt.",
        )


def _lacking(pipeline: Any, network: nn.Module, config: Mapping[str, Any]) -> str | None:
    """What stands in the way of making the inputs of a denoiser."""
    kind, texts = type(network).__name__, text_encoders(pipeline)
    taken = inspect.signature(network.forward).parameters
    unknown = [
        name
        for name in taken
        if name not in (*_MADE, *_SCORER, *_FREE) and taken[name].default is inspect.Parameter.empty
    ]
    vae = getattr(pipeline, "vae", None)
    found, made = config.get("in_channels"), None if vae is None else vae.config.get("latent_channels")
    if getattr(pipeline, "image_encoder", None) is not None:
        return "it is conditioned on images (image_encoder)"
    if texts and kind not in _TEXT_NETWORKS:
        more = [name for name in taken if name not in (*_MADE, *_SCORER, *_FREE) and "control" not in name]
        return f"{kind} with a text encoder also takes {', '.join(more) or 'its text in a way of its own'}"
    if unknown:
        return f"{kind} needs {', '.join(unknown)}"
    if not texts and kind in _TEXT_NETWORKS:
        return f"{kind} needs a text, and the pipeline has no text encoder"
    if made is not None and found is not None and made != found:
        return f"{kind} takes {found} channels, of which the autoencoder makes {made}"
    return _unknown_embedding(config, kind, len(texts))


def _unknown_embedding(config: Mapping[str, Any], kind: str, texts: int) -> str | None:
    """An embedding of a UNet that is made of more than text and size."""
    embedding = config.get("addition_embed_type")
    if kind != "UNet2DConditionModel":
        return None
    if embedding not in (None, "text_time"):
        return f"the embedding {embedding!r} (addition_embed_type) is not made"
    if config.get("requires_aesthetics_score") or config.get("class_embed_type") is not None:
        return f"the embedding {config.get('class_embed_type') or 'of an aesthetic score'} is not made"
    if texts > 1 and embedding is None:
        return f"{kind} has {texts} text encoders but no embedding of their pooled output (addition_embed_type)"
    return None


def embed_prompt(
    pipeline: Any, network: Any, prompt: str, picture: tuple[int, int], device: torch.device
) -> dict[str, Tensor]:
    """The denoiser's conditioning inputs for one prompt, without a batch dimension.

    They are the outputs of the pipeline's own ``encode_prompt``, with the attention mask of the text where the denoiser
    takes one, and the image size where it takes that.

    Args:
        pipeline: a diffusers pipeline.
        network: its denoiser.
        prompt: a text.
        picture: height and width in pixels, uncropped.
        device: the device of the encoders.
    """
    with _own_report():
        return _embedded(pipeline, network, prompt, picture, device)


def _embedded(
    pipeline: Any, network: Any, prompt: str, picture: tuple[int, int], device: torch.device
) -> dict[str, Tensor]:
    options: dict[str, Any] = {"num_images_per_prompt": 1, "do_classifier_free_guidance": False, "device": device}
    kind = type(network).__name__
    if kind == "PixArtTransformer2DModel":
        states, mask, *_none = pipeline.encode_prompt(prompt, **options)
        inputs = {"encoder_hidden_states": states[0].float().cpu(), "encoder_attention_mask": mask[0].float().cpu()}
        if not network.use_additional_conditions:
            return inputs
        height, width = picture
        return inputs | {
            "resolution": torch.tensor([height, width], dtype=torch.float32),
            "aspect_ratio": torch.tensor([height / width], dtype=torch.float32),
        }
    if kind == "UNet2DConditionModel" and network.config.get("addition_embed_type") is None:
        states, _none = pipeline.encode_prompt(prompt, **options)
        return {"encoder_hidden_states": states[0].float().cpu()}
    further = {"prompt_2": None} | ({"prompt_3": None} if kind == "SD3Transformer2DModel" else {})
    states, _none, pooled, _also_none = pipeline.encode_prompt(prompt, **further, **options)
    inputs = {"encoder_hidden_states": states[0].float().cpu()}
    if kind == "UNet2DConditionModel":
        size = (*picture, 0, 0, *picture)  # original size, crop offset, target size
        return inputs | {"text_embeds": pooled[0].float().cpu(), "time_ids": torch.tensor(size, dtype=torch.float32)}
    return inputs | {"pooled_projections": pooled[0].float().cpu()}


@contextlib.contextmanager
def _own_report() -> Iterator[None]:
    """Without the libraries' line for each prompt that is cut: `kept_of` counts them."""
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def kept_of(pipeline: Any, prompt: str) -> KeptPrompt:
    """What each text encoder of a pipeline sees of a prompt.

    Args:
        pipeline: a diffusers pipeline with text encoders.
        prompt: a text.
    """
    ids, cut = [], {}
    # PixArt and Stable Diffusion 3 limit their T5 encoders in the signature of encode_prompt.
    stated = inspect.signature(pipeline.encode_prompt).parameters.get("max_sequence_length")
    for name in _encoder_names(pipeline):
        tokenizer = getattr(pipeline, name.replace("text_encoder", "tokenizer"))
        by_call = stated is not None and (name == "text_encoder_3" or type(pipeline).__name__.startswith("PixArt"))
        limit = int(stated.default if by_call and stated is not None else tokenizer.model_max_length)
        given = _cleaned(pipeline, prompt) if type(pipeline).__name__.startswith("PixArt") else prompt
        whole = len(tokenizer(given, truncation=False, verbose=False).input_ids)
        ids.append(tuple(tokenizer(given, truncation=True, max_length=limit).input_ids))
        if whole > limit:
            cut[name] = (whole, limit)
    return KeptPrompt(tuple(ids), cut)


def _cleaned(pipeline: Any, prompt: str) -> str:
    """The prompt as PixArt's ``encode_prompt`` gives it to the tokenizer."""
    (found,) = pipeline._text_preprocessing(prompt, clean_caption=False)
    return str(found)
