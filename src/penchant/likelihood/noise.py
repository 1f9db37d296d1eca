"""`NoiseSchedule`: the noise levels of a denoiser, and its prediction target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from penchant.errors import ModelError, nearest

__all__ = ["NoiseSchedule", "Prediction", "schedule_of"]

Prediction = Literal["epsilon", "v_prediction", "sample", "flow"]


@dataclass(frozen=True)
class NoiseSchedule:
    """The T noise levels of a denoiser's training.

    x_t = a_t x + s_t ε;   target: ε ("epsilon"), a_t ε − s_t x ("v_prediction"), x ("sample"), ε − x ("flow")

    Args:
        signal: [T] a_t, the factor of the clean sample.
        noise: [T] s_t, the factor of the noise.
        timesteps: [T] the levels in the network's scale.
        prediction: what the network predicts.

    Example:
        >>> half = torch.tensor([0.5])
        >>> schedule = NoiseSchedule(half, half, torch.tensor([500]), "flow")
        >>> clean, noise, level = torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 3.0), torch.tensor([0])
        >>> schedule.mixed(clean, noise, level).item(), schedule.target(clean, noise, level).item()
        (2.0, 2.0)
    """

    signal: Tensor
    noise: Tensor
    timesteps: Tensor
    prediction: Prediction

    def __len__(self) -> int:
        return len(self.timesteps)

    def _at(self, factors: Tensor, level: Tensor, like: Tensor) -> Tensor:
        chosen = factors.to(level.device)[level].to(like.dtype)
        return chosen.reshape(-1, *[1] * (like.dim() - 1))

    def mixed(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Clean samples [N, ...] mixed with noise [N, ...] at the levels [N]."""
        return self._at(self.signal, level, clean) * clean + self._at(self.noise, level, clean) * noise

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The prediction target of the network, [N, ...]."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return clean
        if self.prediction == "flow":
            return noise - clean
        return self._at(self.signal, level, clean) * noise - self._at(self.noise, level, clean) * clean

    def levels(self, shares: Tensor) -> Tensor:
        """The levels at given quantiles of their distribution in training.

        The distribution is uniform over the T levels; for flows it is logit-normal (Esser et al., 2024, "Scaling
        Rectified Flow Transformers").

        Args:
            shares: [N] quantiles in (0, 1); uniform random numbers give random levels, a grid gives a grid.

        Returns:
            [N] integers from 0 to T − 1.
        """
        if self.prediction == "flow":
            shares = torch.sigmoid(torch.special.ndtri(shares.double()))
        return (shares * len(self)).long().clamp_(0, len(self) - 1)


def schedule_of(scheduler: Any) -> NoiseSchedule:
    """The noise schedule of a diffusers scheduler.

    Args:
        scheduler: a scheduler with ``alphas_cumprod`` (DDPM, DDIM, PNDM, ...) or for flow matching.

    Raises:
        ModelError: the scheduler or its prediction type is not supported.

    Example:
        >>> class Scheduler:
        ...     config = {"prediction_type": "epsilon"}
        ...     alphas_cumprod = torch.tensor([0.64, 0.36])
        >>> schedule_of(Scheduler()).noise
        tensor([0.6000, 0.8000])
    """
    config = dict(scheduler.config)
    if hasattr(scheduler, "alphas_cumprod"):
        prediction = str(config.get("prediction_type", "epsilon"))
        if prediction not in get_args(Prediction):
            raise ModelError(
                f"The prediction_type {prediction!r} of the scheduler is not supported.",
                fix=nearest(prediction, get_args(Prediction)),
            )
        kept = scheduler.alphas_cumprod.float().cpu()
        return NoiseSchedule(kept.sqrt(), (1 - kept).sqrt(), torch.arange(len(kept)), prediction)  # type: ignore[arg-type]
    if "FlowMatch" in type(scheduler).__name__:
        return _flow(scheduler)
    raise ModelError(
        f"The scheduler {type(scheduler).__name__} is not supported.",
        fix="Save the pipeline with a scheduler that has alphas_cumprod (DDPMScheduler) or is for flow matching "
        "(FlowMatchEulerDiscreteScheduler).",
    )


def _flow(scheduler: Any) -> NoiseSchedule:
    # A scheduler that was used for sampling has the sampling levels; a new one has the training levels.
    fresh = type(scheduler).from_config(scheduler.config)
    sigmas = fresh.sigmas.float().cpu()[: len(fresh.timesteps)]
    return NoiseSchedule(1 - sigmas, sigmas, fresh.timesteps.float().cpu(), "flow")
