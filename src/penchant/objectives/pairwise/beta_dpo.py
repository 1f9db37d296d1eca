"""β-DPO: DPO with β adapted to the margins of the batch, and filtering of pairs with outlying margins."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["BetaDPO"]

_ROUNDING = 1e-4  # nats; a smaller deviation counts as 0


class BetaDPO(Objective):
    """Direct Preference Optimization with dynamic β (Wu et al., 2024), as in its published code.

    loss = −log σ(β_b M_i) · n / n' if pair i is kept, else 0,   M = Δ_chosen − Δ_rejected,   Δ = log π − log π_ref

    β_b = max(β_min, β (1 + a (mean of the kept M − μ))),   kept ∝ exp(−(M_i − μ)² / (2 s²))

    μ and s are running averages of the mean and the unbiased standard deviation of M in each batch, updated before use
    and only in training. Of n pairs, n' = ⌊n (1 − ρ)⌋, but at least one, are drawn without replacement and kept; the
    factor n / n' makes the mean over the batch the mean over the kept pairs. β_b and the draw carry no gradient. The
    objective has its own random generator, whose state is saved with checkpoints. Outside training all pairs are kept.
    The published code starts μ and s at 0 (``warm_up=False``), where s is so small that all weights underflow; by
    default the first batch with differing margins sets both, since all margins are 0 while the policy equals the
    reference. The published code also updates the running averages in evaluation; this one does not. The paper uses β M
    instead of M. Statistics: ``beta_used``, ``gap_mean`` (μ), ``gap_std`` (s), ``kept``, ``sampling_weight``,
    ``pair_loss``.

    Example:
        >>> equal = Scored(torch.full((5, 3), -1.0), torch.full((5, 3), -1.0), torch.ones(5, 3, dtype=torch.bool))
        >>> losses = BetaDPO(filter_ratio=0.2)(chosen=equal, rejected=equal)
        >>> int(losses.statistics["kept"].sum()), losses.values.mean()
        (4, tensor(0.6931))

    Reference:
        Wu, Xie, Yang, Wu, Gao, Ding, Wang, He (2024), β-DPO: Direct Preference Optimization with Dynamic β.
    """

    id = "beta-dpo"
    paper = "arXiv:2407.08639"
    evidence = OFFICIAL_CODE
    tags = ("batch", "robust")
    exempt = Exempt(zero_margin="pairs that are filtered out have loss 0")
    needs = Needs(reference=True)
    batch_coupled = True

    beta: Annotated[float, Gt(0), "β at the average margin"] = 0.1
    a: Annotated[float, Ge(0), "sensitivity of β to the margin of the batch, per nat"] = 0.6
    filter_ratio: Annotated[float, Interval(ge=0, lt=1), "share ρ of the pairs of a batch that is filtered out"] = 0.2
    momentum: Annotated[float, Interval(ge=0, lt=1), "momentum of the running mean and deviation"] = 0.9
    min_beta: Annotated[float, Gt(0), "smallest β"] = 1e-3
    warm_up: Annotated[bool, "initialise the running mean and deviation from the first batch, instead of from 0"] = True
    seed: Annotated[int, Ge(0), "seed of the draws"] = 0

    gap_mean: Tensor
    gap_std: Tensor
    random_state: Tensor
    #: A draw from elsewhere: which pairs of the next batch are kept, [B] bool.
    drawn: Tensor | None = None

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.register_buffer("gap_mean", torch.zeros(()))
        self.register_buffer("gap_std", torch.zeros(()))
        self.register_buffer("random_state", torch.Generator().manual_seed(self.seed).get_state())

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B]; 0 for pairs that are filtered out."""
        margin = logratio_margin(chosen, rejected)
        gap = margin.detach()
        if self.training and len(gap):
            self._follow(gap)
        mean, deviation = self.gap_mean.to(gap.dtype), self.gap_std.to(gap.dtype)
        # A deviation of 0 means that all margins were equal: margins at the mean get weight 1, all others 0.
        log_weight = -0.5 * ((gap - mean) / deviation.clamp(min=torch.finfo(gap.dtype).tiny)).square()
        kept = self.draw(log_weight) if self.training else torch.ones_like(gap, dtype=torch.bool)
        count = kept.sum().clamp(min=1)
        lead = torch.where(kept, gap - mean, 0.0).sum() / count
        beta = (self.beta * (1 + self.a * lead)).clamp(min=self.min_beta)
        losses = logistic(beta * margin)
        return torch.where(kept, losses, 0.0) * (len(gap) / count), {
            "beta_used": beta.expand_as(gap),
            "gap_mean": mean.expand_as(gap),
            "gap_std": deviation.expand_as(gap),
            "kept": kept.to(gap.dtype),
            "sampling_weight": log_weight.exp(),
            "pair_loss": losses,
        }

    def _follow(self, gap: Tensor) -> None:
        """Update the running mean and deviation with those of this batch."""
        momentum = 0.0 if self.warm_up and self.gap_std < _ROUNDING else self.momentum
        deviation = gap.std() if len(gap) > 1 else torch.zeros_like(gap[0])
        self.gap_mean.copy_(momentum * self.gap_mean + (1 - momentum) * gap.mean())
        self.gap_std.copy_(momentum * self.gap_std + (1 - momentum) * deviation)

    def draw(self, log_weight: Tensor) -> Tensor:
        """Draw the pairs to keep, [B] bool; works on log-weights, so weights that underflow keep their order."""
        if self.drawn is not None:
            return self.drawn
        generator = torch.Generator()
        generator.set_state(self.random_state.cpu())
        uniform = torch.rand(len(log_weight), generator=generator, dtype=torch.float64)
        self.random_state.copy_(generator.get_state())
        # The top entries of log-weight plus Gumbel noise are a sample without replacement.
        keys = log_weight.double() - (-uniform.log()).log().to(log_weight.device)
        kept = max(int(len(keys) * (1 - self.filter_ratio)), min(len(keys), 1))
        return torch.zeros_like(keys, dtype=torch.bool).index_fill_(0, keys.topk(kept).indices, True)
