"""Deterministic sampling of images from a denoiser, and contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["contact_sheet", "denoise", "sample_images"]


def denoise(
    denoiser: nn.Module, scheduler: Any, noise: Tensor, conditioning: dict[str, Tensor], *, steps: int
) -> Tensor:
    """Denoise latents with a deterministic sampler (DDIM; Euler for flow matching).

    Args:
        denoiser: called with noisy samples, timesteps and conditioning (see `penchant.likelihood.denoiser.Denoiser`).
        scheduler: the diffusers scheduler of the model; it is not modified.
        noise: [N, C, H, W] standard normal.
        conditioning: further inputs of the network, each [N, ...].
        steps: number of steps.

    Returns:
        [N, C, H, W] latents.
    """
    from diffusers import DDIMScheduler

    kind = DDIMScheduler if hasattr(scheduler, "alphas_cumprod") else type(scheduler)
    sampler = kind.from_config(scheduler.config)
    sampler.set_timesteps(steps)
    sample = noise
    with torch.no_grad():
        for timestep in sampler.timesteps:
            times = timestep.to(noise.device).expand(len(sample))
            sample = sampler.step(denoiser(sample, times, conditioning), timestep, sample).prev_sample
    return sample


def sample_images(
    denoiser: nn.Module,
    scheduler: Any,
    codec: Any,
    prompts: Sequence[str],
    *,
    steps: int = 50,
    seed: int = 0,
    batch_size: int = 64,
) -> list[Any]:
    """Sample one image per prompt.

    Args:
        denoiser: see `denoise`.
        scheduler: the diffusers scheduler of the model.
        codec: the pipeline's codec (see `penchant.likelihood.pipelines.PipelineCodec`).
        prompts: classes or texts.
        steps: number of sampler steps.
        seed: seed of the noise; the i-th image starts from the same noise for every model.
        batch_size: images per batch.

    Returns:
        Pillow images.
    """
    was_training = denoiser.training
    denoiser.eval()
    generator = torch.Generator().manual_seed(seed)
    device = next(denoiser.parameters()).device
    pictures: list[Any] = []
    for start in range(0, len(prompts), batch_size):
        part = prompts[start : start + batch_size]
        noise = torch.randn((len(part), *codec.shape), generator=generator)
        conditions = [codec.conditioning(prompt) for prompt in part]
        stacked = {name: torch.stack([each[name] for each in conditions]).to(device) for name in conditions[0]}
        pictures.extend(codec.pictures(denoise(denoiser, scheduler, noise.to(device), stacked, steps=steps).float()))
    denoiser.train(was_training)
    return pictures


def contact_sheet(rows: Sequence[Sequence[Any]], *, gap: int = 2, least: int = 48) -> Any:
    """Images on one sheet, one row of images per entry.

    Args:
        rows: rows of Pillow images, all of the same size.
        gap: pixels between images.
        least: minimum height in pixels; smaller images are enlarged by an integer factor.
    """
    from PIL import Image

    width, height = rows[0][0].size
    factor = max(1, -(-least // height))
    width, height = width * factor, height * factor
    columns = max(map(len, rows))
    sheet = Image.new("RGB", (columns * (width + gap) - gap, len(rows) * (height + gap) - gap), "white")
    for down, row in enumerate(rows):
        for across, picture in enumerate(row):
            large = picture.convert("RGB").resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(large, (across * (width + gap), down * (height + gap)))
    return sheet
