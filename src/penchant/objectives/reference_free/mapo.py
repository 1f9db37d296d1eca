"""MaPO: reference-free, margin-aware preference optimization of denoisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.denoising_errors import HALF
from penchant.objectives.functional.numerics import logsigmoid, over_expm1

__all__ = ["MaPO"]


class MaPO(Objective):
    """Margin-aware Preference Optimization (Hong et al., 2024), as in its published code.

    loss = L_chosen − β log σ(T (φ(s L_chosen) − φ(s L_rejected))),   φ(u) = u / (eᵘ − 1),   L = −log π / h

    L is the denoising error (mean over the elements of a sample), s the constant ``snr``, T the number of training
    timesteps. The published code calls the second term the odds ratio of ORPO, but computes the form above. A
    likelihood over several tokens enters by its mean.

    Example:
        >>> import torch
        >>> error = Scored(torch.tensor([[-0.05]]), None, torch.ones(1, 1, dtype=torch.bool))  # L = 0.1
        >>> MaPO()(chosen=error, rejected=error).values  # 0.1 + 0.1 log 2
        tensor([0.1693])

    Reference:
        Hong, Paul, Lee, Rasul, Thorne, Jeong (2024), Margin-aware Preference Optimization for Aligning Diffusion Models
        without Reference.
    """

    id = "mapo"
    paper = "arXiv:2406.06424"
    evidence = OFFICIAL_CODE
    tags = ("diffusion", "likelihood")

    beta: Annotated[float, Ge(0), "weight of the margin term"] = 0.1
    snr: Annotated[float, Gt(0), "constant signal-to-noise ratio, a factor of the errors"] = 0.5
    num_train_timesteps: Annotated[int, Gt(0), "number of training timesteps T, a factor of the margin"] = 1000
    half_factor: Annotated[float, Gt(0), "factor h between error and log-likelihood, as in denoising.half_factor"] = (
        HALF
    )

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair, [B], and the margin term as ``ratio_losses``."""
        winner, loser = (-view.mean_logp / self.half_factor for view in (chosen, rejected))
        margin = self.num_train_timesteps * (over_expm1(self.snr * winner) - over_expm1(self.snr * loser))
        ratio = self.beta * logsigmoid(margin)
        return winner - ratio, {"ratio_losses": ratio}
