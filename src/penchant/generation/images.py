"""Making images with a denoiser, the same noise first for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["contact_sheet", "denoise", "sample_images"]


def denoise(
    denoiser: nn.Module, scheduler: Any, noise: Tensor, conditioning: dict[str, Tensor], *, steps: int
) -> Tensor:
    """Latents from noise, by a deterministic sampler (DDIM; Euler for flows).

    Args:
        denoiser: called with noisy samples, timesteps and conditioning (see `penchant.likelihood.denoiser.Denoiser`).
        scheduler: of diffusers, as the model was trained with; it is left as it was.
        noise: [N, C, H, W] standard normal.
        conditioning: further inputs of the network, each [N, ...].
        steps: number of steps.

    Returns:
        [N, C, H, W].
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
    """One picture for each prompt.

    Args:
        denoiser: see `denoise`.
        scheduler: of diffusers.
        codec: the pipeline's (see `penchant.likelihood.pipelines.PipelineCodec`).
        prompts: classes or texts.
        steps: of the sampler.
        seed: of the noise; the i-th picture starts from the same noise whatever the model.
        batch_size: pictures made at once.

    Returns:
        Images of Pillow.
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
    """Pictures side by side, row below row, on one sheet.

    Args:
        rows: of images of Pillow, all of one size.
        gap: pixels between them.
        least: small pictures are enlarged, pixel by pixel, to at least this height.
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
