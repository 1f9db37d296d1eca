"""`InitialDenoiser`: the initial denoiser as the reference."""

from __future__ import annotations

import copy

import torch

from penchant.likelihood.core import has_adapter, without_adapter
from penchant.likelihood.denoiser import Denoiser, NoisedImages, log_likelihood
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.image_batch import ImageResponse
from penchant.likelihood.references.reference import Reference, ReferenceScores

__all__ = ["InitialDenoiser"]


class InitialDenoiser(Reference[NoisedImages, ImageResponse]):
    """The initial policy: a frozen copy, or the policy with its adapter disabled.

    Args:
        model: the policy, at its initial weights.
        settings: how errors are converted to likelihoods.
    """

    kind = "initial"
    starts_equal = True

    def __init__(self, model: Denoiser, settings: DenoisingSettings) -> None:
        self.settings = settings
        self.frozen = None if has_adapter(model.network) else copy.deepcopy(model).eval().requires_grad_(False)
        self.model = model if self.frozen is None else self.frozen

    def score(self, laid: NoisedImages, whole: bool = False) -> ReferenceScores:
        """[R] log-likelihoods of images under the reference; ``whole`` has no effect: images have no vocabulary."""
        with without_adapter(self.model.network), torch.no_grad():
            return ReferenceScores(log_likelihood(self.model, laid, self.settings))
