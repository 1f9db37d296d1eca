"""`InitialDenoiser`: the initial denoiser as the reference."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence

import torch

from penchant.likelihood.core import has_adapter
from penchant.likelihood.denoiser import Denoiser, NoisedImages, log_likelihood
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.image_batch import ImageResponse
from penchant.likelihood.references.reference import Reference, ReferenceScores
from penchant.likelihood.start import StartingState

__all__ = ["InitialDenoiser"]


class InitialDenoiser(Reference[NoisedImages, ImageResponse]):
    """The initial policy: a frozen copy, or the policy with its adapter as it was at the start.

    Args:
        model: the policy, at its initial weights.
        settings: how errors are converted to likelihoods.
    """

    kind = "initial"
    starts_equal = True

    def __init__(self, model: Denoiser, settings: DenoisingSettings) -> None:
        self.settings = settings
        adapted = has_adapter(model.network)
        self.at_start = StartingState(model.network) if adapted else contextlib.nullcontext
        self.frozen = None if adapted else copy.deepcopy(model).eval().requires_grad_(False)
        self.model = model if self.frozen is None else self.frozen

    def score(self, laid: NoisedImages, whole: bool = False, layers: Sequence[str] = ()) -> ReferenceScores:
        """[R] log-likelihoods of images under the reference; ``whole`` has no effect: images have no vocabulary."""
        with self.at_start(), torch.no_grad():
            return ReferenceScores(log_likelihood(self.model, laid, self.settings))
