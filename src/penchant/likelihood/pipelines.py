"""Diffusers pipelines: loading, access to the denoiser, and the codec of images and prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError, DataError, ModelError, nearest
from penchant.feedback.images import Image
from penchant.feedback.pixels import as_shown
from penchant.hub_route import expect_hub, unreachable
from penchant.likelihood.image_settings import ImageSettings
from penchant.likelihood.prompts import KeptPrompt, check_encoders, embed_prompt, kept_of, text_encoders

__all__ = ["PipelineCodec", "build_pipeline", "denoiser_of", "load_pipeline"]

# Names of the denoiser in pipelines.
PARTS = ("unet", "transformer")


def load_pipeline(source: str | Path) -> Any:
    """Load a diffusers pipeline from a folder or the hub.

    Args:
        source: a folder with ``model_index.json``, or a hub id.

    Raises:
        ModelError: diffusers is not installed, or the source is not a pipeline with a UNet or a transformer.
    """
    try:
        from diffusers import DiffusionPipeline
        from diffusers.utils import logging
    except ImportError as error:
        raise ModelError("Image models need the package diffusers.", fix="pip install 'penchant[diffusion]'") from error
    logging.disable_progress_bar()  # it would interrupt this package's progress bar
    expect_hub(source)
    try:
        pipeline = DiffusionPipeline.from_pretrained(str(source))
    except Exception as error:  # diffusers raises many types; each means that the pipeline cannot be loaded
        reason = str(error).strip().splitlines()[0][:240] if str(error).strip() else type(error).__name__
        reason = unreachable() if unreachable() and not Path(source).exists() else reason
        raise ModelError(
            f"No diffusers pipeline can be loaded from here ({reason}).",
            where=str(source),
            fix="Check the path; a hub id needs network access (or a copy in the local cache).",
        ) from error
    denoiser_of(pipeline)
    return pipeline


def denoiser_of(pipeline: Any) -> tuple[str, nn.Module]:
    """The name and the module of a pipeline's denoiser.

    Raises:
        ModelError: the pipeline has neither a UNet nor a transformer.
    """
    for name in PARTS:
        network = getattr(pipeline, name, None)
        if isinstance(network, nn.Module):
            return name, network
    raise ModelError(
        f"{type(pipeline).__name__} has neither a UNet nor a transformer.",
        fix="Give a diffusers pipeline whose denoiser is named 'unet' or 'transformer'.",
    )


def build_pipeline(network: nn.Module, scheduler: Any) -> Any:
    """Build a pipeline from a pixel-space denoiser, so that it can be saved and loaded like any other.

    Args:
        network: a diffusers UNet.
        scheduler: a diffusers scheduler.
    """
    from diffusers import DDPMPipeline

    pipeline: Any = DDPMPipeline(unet=network, scheduler=scheduler)
    pipeline.scheduler = scheduler  # the constructor converts the scheduler to its default class
    return pipeline


class PipelineCodec:
    """Turns images and prompts into inputs of a pipeline's denoiser, and its outputs into images.

    Latents come from the pipeline's autoencoder (the scaled mean of its posterior), or are the pixels in [−1, 1] if it
    has none. A prompt is a class (its number, or its name if the pipeline has class names), or a text for the
    pipeline's text encoders: one, as in Stable Diffusion and PixArt, or several, as in SDXL and Stable Diffusion 3.

    Args:
        pipeline: a diffusers pipeline.
        settings: how images become pixels of the model's size.

    Raises:
        ModelError: the inputs of its denoiser are not supported.
        ConfigurationError: the background is not a colour.
    """

    def __init__(self, pipeline: Any, settings: ImageSettings | None = None) -> None:
        self.pipeline, self.settings = pipeline, settings or ImageSettings()
        _check_colour(self.settings.background)
        _name, self.network = denoiser_of(pipeline)
        self.config: Mapping[str, Any] = dict(self.network.config)  # type: ignore[arg-type]
        self.vae = getattr(pipeline, "vae", None)
        self.classes = self.config.get("num_class_embeds") or self.config.get("num_embeds_ada_norm")
        self.names: Mapping[str, int] = getattr(pipeline, "labels", None) or {}
        self.texts = text_encoders(pipeline)
        check_encoders(pipeline, self.network, self.config)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the denoiser's input."""
        size = self.config["sample_size"]
        height, width = (size, size) if isinstance(size, int) else size
        return int(self.config["in_channels"]), height, width

    @property
    def _scale(self) -> int:
        return 1 if self.vae is None else 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the model's images in pixels."""
        _channels, height, width = self.shape
        return width * self._scale, height * self._scale

    @property
    def device(self) -> torch.device:
        """The device of autoencoder and text encoders."""
        parts = [each for each in (self.vae, *self.texts) if each is not None]
        return next(parts[0].parameters()).device if parts else torch.device("cpu")

    @torch.no_grad()
    def latents(self, image: Image) -> Tensor:
        """[C, H, W] float32 latents of an image, on the CPU."""
        pixels = self._pixels(image.open())
        if self.vae is None:
            return pixels
        given = pixels[None].to(self.device, self.vae.dtype)
        found = self.vae.encode(given).latent_dist.mode()[0].float()
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        return ((found - shift) * self.vae.config.scaling_factor).cpu()

    def _pixels(self, picture: Any) -> Tensor:
        channels = self.shape[0] if self.vae is None else int(self.vae.config.in_channels)
        rule, background = self.settings.resize, self.settings.background
        shown = as_shown(picture, self.size, grey=channels == 1, rule=rule, background=background)
        numbers = torch.from_numpy(np.asarray(shown, np.float32).copy()) / 127.5 - 1
        return numbers[None] if channels == 1 else numbers.permute(2, 0, 1).contiguous()

    def kept(self, prompt: str) -> KeptPrompt | None:
        """What the text encoders see of a prompt; None without text encoders."""
        return kept_of(self.pipeline, prompt) if self.texts else None

    @torch.no_grad()
    def conditioning(self, prompt: str) -> dict[str, Tensor]:
        """Inputs of the denoiser other than sample and timestep, without a batch dimension, on the CPU.

        Raises:
            DataError: the model has classes, and the prompt is not one of them.
        """
        if self.texts:
            width, height = self.size
            return embed_prompt(self.pipeline, self.network, prompt, (height, width), self.device)
        return {} if self.classes is None else {"class_labels": torch.tensor(self._class(prompt.strip()))}

    def _class(self, prompt: str) -> int:
        number = int(prompt) if prompt.isdecimal() else self.names.get(prompt)
        if number is None or number >= int(self.classes or 0):
            hint = (
                nearest(prompt, self.names) if self.names else f"Give a number from 0 to {int(self.classes or 0) - 1}."
            )
            raise DataError(f"The prompt {prompt!r} is not a class of the model.", fix=hint)
        return number

    @torch.no_grad()
    def pictures(self, latents: Tensor) -> list[Any]:
        """Pillow images from [N, C, H, W] latents."""
        from PIL import Image as Pillow

        if self.vae is not None:
            shift = getattr(self.vae.config, "shift_factor", None) or 0.0
            given = (latents / self.vae.config.scaling_factor + shift).to(self.device, self.vae.dtype)
            latents = self.vae.decode(given, return_dict=False)[0].float()
        bytes_ = ((latents.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
        arrays: Sequence[Any] = [
            each[0].numpy() if len(each) == 1 else each.permute(1, 2, 0).numpy() for each in bytes_
        ]
        return [Pillow.fromarray(each) for each in arrays]


def _check_colour(name: str) -> None:
    from PIL import ImageColor

    try:
        ImageColor.getrgb(name)
    except ValueError as error:
        raise ConfigurationError(
            f"images.background is {name!r}, which is not a colour.",
            where="images.background",
            fix="Give a name such as white, black or gray, or '#rrggbb' in quotes.",
        ) from error
