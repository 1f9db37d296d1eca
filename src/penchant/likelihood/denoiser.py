"""`Denoiser`, a common interface to UNets and transformers of diffusers, and the log-likelihood from its error."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.likelihood.core import core_model
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.prompts import ADDED
from penchant.objectives.functional.denoising_errors import mean_error

__all__ = ["Denoiser", "NoisedImages", "check_checkpointing", "log_likelihood"]


@dataclass(frozen=True)
class NoisedImages:
    """N noised samples, shared by policy and reference.

    Args:
        noisy: [N, C, H, W] noised samples.
        timesteps: [N] noise level of each sample, in the network's scale.
        conditioning: further inputs of the network, each [N, ...].
        target: [N, C, H, W] prediction target of the network.
        draws: K; the N samples are R images with K draws each, the draws of an image being consecutive.
    """

    noisy: Tensor
    timesteps: Tensor
    conditioning: dict[str, Tensor]
    target: Tensor
    draws: int


class Denoiser(nn.Module):
    """A diffusers network (UNet or transformer) with a common signature.

    Args:
        network: takes the noisy sample as its first argument, and ``timestep``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._first = next(iter(inspect.signature(core_model(network).forward).parameters))

    def activation_checkpointing_enable(self, **_options: Any) -> None:
        """Recompute activations in the backward pass; the trainer of transformers calls it.

        Its options are those of its own models. Diffusers chooses PyTorch's (not reentrant) itself.

        Raises:
            ConfigurationError: see `check_checkpointing`.
        """
        check_checkpointing(self.network)
        core_model(self.network).enable_gradient_checkpointing()

    #: The method's former name in transformers.
    gradient_checkpointing_enable = activation_checkpointing_enable

    def forward(self, noisy: Tensor, timesteps: Tensor, conditioning: dict[str, Tensor]) -> Tensor:
        """[N, C, H, W] prediction of the network for the noisy samples."""
        inputs: dict[str, Any] = {name: value for name, value in conditioning.items() if name not in ADDED}
        if len(inputs) < len(conditioning):
            inputs["added_cond_kwargs"] = {name: conditioning[name] for name in ADDED if name in conditioning}
        predicted = self.network(**{self._first: noisy}, timestep=timesteps, **inputs, return_dict=False)[0]
        return predicted[:, : noisy.shape[1]]  # some networks also predict a variance, in further channels


def check_checkpointing(network: nn.Module) -> None:
    """Check that activations of a denoiser can be recomputed.

    Raises:
        ConfigurationError: the network has no gradient checkpointing.
    """
    core = core_model(network)
    if not getattr(core, "_supports_gradient_checkpointing", False):
        raise ConfigurationError(
            f"{type(core).__name__} has no gradient checkpointing.",
            where="gradient_checkpointing",
            fix="Remove it; smaller micro-batches take less memory too (accumulate).",
        )


def log_likelihood(model: nn.Module, given: NoisedImages, settings: DenoisingSettings) -> Tensor:
    """[R] log-likelihood −h · error of each image, up to a constant that depends only on image and noise.

    Args:
        model: a `Denoiser`, optionally wrapped (DDP, FSDP).
        given: noised images.
        settings: h and the reduction.
    """
    predicted = model(given.noisy, given.timesteps, given.conditioning)
    error = mean_error(predicted, given.target).unflatten(0, (-1, given.draws)).mean(1)
    if settings.reduction == "sum":
        error = error * given.target[0].numel()
    return -settings.half_factor * error
