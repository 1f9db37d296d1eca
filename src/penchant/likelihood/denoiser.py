"""A denoiser under one way to call it, and the likelihood of images that follows from its error."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from penchant.likelihood.core import core_model
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.prompts import ADDED
from penchant.objectives.functional.denoising_errors import mean_error

__all__ = ["Denoiser", "NoisedImages", "log_likelihood"]


@dataclass(frozen=True)
class NoisedImages:
    """N noised samples, as policy and reference both see them.

    Args:
        noisy: [N, C, H, W].
        timesteps: [N] the level, as the network takes it.
        conditioning: further inputs of the network, each [N, ...].
        target: [N, C, H, W] what the network should predict.
        draws: K; the N samples are R images with K draws each, all draws of an image side by side.
    """

    noisy: Tensor
    timesteps: Tensor
    conditioning: dict[str, Tensor]
    target: Tensor
    draws: int


class Denoiser(nn.Module):
    """A network of diffusers (UNet or transformer) under one way to call it.

    Args:
        network: its first argument is the noisy sample; it also takes ``timestep``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._first = next(iter(inspect.signature(core_model(network).forward).parameters))

    def forward(self, noisy: Tensor, timesteps: Tensor, conditioning: dict[str, Tensor]) -> Tensor:
        """[N, C, H, W] what the network predicts from the noisy samples."""
        inputs: dict[str, Any] = {name: value for name, value in conditioning.items() if name not in ADDED}
        if len(inputs) < len(conditioning):
            inputs["added_cond_kwargs"] = {name: conditioning[name] for name in ADDED}
        predicted = self.network(**{self._first: noisy}, timestep=timesteps, **inputs, return_dict=False)[0]
        return predicted[:, : noisy.shape[1]]  # some networks predict a variance too, behind the mean


def log_likelihood(model: nn.Module, given: NoisedImages, settings: DenoisingSettings) -> Tensor:
    """[R] −h · error of each image, up to a constant that depends on image and noise alone.

    Args:
        model: a `Denoiser`, perhaps wrapped (DDP, FSDP).
        given: noised images.
        settings: h and the reduction.
    """
    predicted = model(given.noisy, given.timesteps, given.conditioning)
    error = mean_error(predicted, given.target).unflatten(0, (-1, given.draws)).mean(1)
    if settings.reduction == "sum":
        error = error * given.target[0].numel()
    return -settings.half_factor * error
