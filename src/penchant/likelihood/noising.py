"""`Noising`, which adds noise that depends only on the seed, the step and the record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.likelihood.denoiser import NoisedImages
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.image_batch import ImageBatch
from penchant.likelihood.noise import NoiseSchedule

__all__ = ["Noising"]


@dataclass(frozen=True)
class Noising:
    """Adds noise to images.

    The noise is the same however a step is split or ordered, and after a resume.

    Args:
        schedule: the noise schedule.
        settings: the number of draws, and whether a pair shares its noise.
        seed: seed of noise levels and noise.
    """

    schedule: NoiseSchedule
    settings: DenoisingSettings
    seed: int

    def noised(self, batch: ImageBatch) -> NoisedImages:
        """The batch's images with the noise of its step, or with the evaluation noise if it has no step."""
        shares, noise = self._drawn(batch)
        level = self.schedule.levels(shares.flatten()).to(batch.latents.device)
        draws = shares.shape[1]
        clean = batch.latents.repeat_interleave(draws, 0)
        noise = noise.flatten(0, 1).to(clean)
        return NoisedImages(
            noisy=self.schedule.mixed(clean, noise, level),
            timesteps=self.schedule.timesteps.to(level.device)[level],
            conditioning={name: each.repeat_interleave(draws, 0) for name, each in batch.conditioning.items()},
            target=self.schedule.target(clean, noise, level),
            draws=draws,
        )

    def _drawn(self, batch: ImageBatch) -> tuple[Tensor, Tensor]:
        """Quantiles of the level distribution [R, K], and noise [R, K, C, H, W]."""
        draws = self.settings.eval_draws if batch.step is None else self.settings.draws
        shape = (draws, *batch.latents.shape[1:])
        found: dict[str, tuple[Tensor, Tensor]] = {}
        rows = []
        for place, owner in enumerate(batch.owner.tolist()):
            name = f"{self.seed}:{batch.step}:{batch.keys[owner]}"
            if not self.settings.share_noise:
                name += f":{place - batch.owner.tolist().index(owner)}"
            if name not in found:
                digest = hashlib.blake2b(name.encode(), digest_size=7).digest()
                generator = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
                grid = (torch.arange(draws) + 0.5) / draws
                share = grid if batch.step is None else torch.rand(draws, generator=generator)
                found[name] = share, torch.randn(shape, generator=generator)
            rows.append(found[name])
        return torch.stack([share for share, _ in rows]), torch.stack([noise for _, noise in rows])
