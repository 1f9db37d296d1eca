"""`DenoisingSettings`: how denoising errors are converted to likelihoods."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

__all__ = ["DenoisingSettings"]


class DenoisingSettings(BaseModel):
    """How the denoising error of an image model is converted to a likelihood; the recipe's key ``denoising``.

    log π(x) = −h · mean over draws of error(x_t),   log-ratio = h (error of the reference − error of the policy)

    With the mean over elements and h = ½ an objective's β is that of Diffusion-DPO's code (thousands). In nats the
    evidence lower bound is the sum over elements times the number T of levels, so β in nats is β / (T D) here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    half_factor: float = Field(
        default=0.5,
        gt=0,
        description="log-likelihood = -half_factor x error; 1 in some scripts",
    )
    reduction: Literal["mean", "sum"] = Field(
        default="mean", description="reduction of the squared error over the elements of an image"
    )
    draws: PositiveInt = Field(default=1, description="noise levels per image in a training step")
    eval_draws: PositiveInt = Field(
        default=8, description="noise levels per image in evaluation: a fixed grid with fixed noise"
    )
    share_noise: bool = Field(default=True, description="chosen and rejected of a pair get the same level and noise")
