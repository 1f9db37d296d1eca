"""InfiFPO: preference optimization with several source models, fused per response, instead of a reference."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["InfiFPO"]


class InfiFPO(Objective):
    """Implicit Model Fusion via Preference Optimization, InfiFPO (Gu et al., 2025).

    loss = −log σ(β [(a(y_w) − F(y_w)) − (a(y_l) − F(y_l))]),   a = log π(y|x) / |y|,   F(y) = Σ_i γ_i(y) ā_i(y)

    a_i is the mean log-probability per token (nats) of a response under source i, with the source's own tokenizer:
    record fields ``chosen_sources`` and ``rejected_sources``, lists of N numbers. The reference is the initial policy,
    the pivot a_init. With clipping, ā_i = max(a_i, a_init) for the chosen response and min(a_i, a_init) for the
    rejected one, so sources that judge the pair worse than the pivot have no effect. γ selects the source that differs
    most from the current policy (``fusion="max"``) or weights all equally (``"average"``). γ and F carry no gradient.
    ``compared`` selects whether the difference is of logarithms or of probabilities. The form without length
    normalisation is not implemented.

    Example:
        >>> one = torch.ones(1, 2, dtype=torch.bool)
        >>> view = Scored(torch.full((1, 2), -1.0), torch.full((1, 2), -1.0), one)
        >>> InfiFPO()(chosen=view, rejected=view, chosen_sources=torch.tensor([[-0.6, -2.0]]),
        ...           rejected_sources=torch.tensor([[-0.5, -0.5]])).values
        tensor([1.3133])

    Reference:
        Gu et al. (2025), InfiFPO: Implicit Model Fusion via Preference Optimization in Large Language Models.
    """

    id = "infifpo"
    paper = "arXiv:2505.13878"
    evidence = reconstruction(
        "Whether source and pivot are compared by logarithms or by probabilities is inferred from a figure; the code "
        "of the loss is not public."
    )
    tags = ("fusion", "normalized")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward, per token"] = 2.5
    fusion: Annotated[
        Literal["max", "average"], "use the source that differs most from the pivot, or the mean of all"
    ] = "max"
    clip: Annotated[bool, "clip each source to the better side of the initial pivot"] = True
    compared: Annotated[
        Literal["log", "probability"], "scale on which source and pivot are compared for fusion=max"
    ] = "log"

    def loss(self, chosen: Scored, rejected: Scored, chosen_sources: Tensor, rejected_sources: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        better = self._lead(chosen, chosen_sources, "chosen_sources", better=True)
        worse = self._lead(rejected, rejected_sources, "rejected_sources", better=False)
        return logistic(self.beta * (better - worse))

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward of each response against the initial pivot, β (a − a_init), [R], without gradient."""
        return (self.beta * view.mean_logratio).detach()

    def _lead(self, view: Scored, sources: Tensor, name: str, better: bool) -> Tensor:
        """Lead of the policy over the fused sources, nats per token, [B]."""
        if sources.dim() != 2 or sources.shape[1] == 0:
            raise ConfigurationError(
                f"The field {name!r} has shape {list(sources.shape)}, expected [examples, sources].",
                where=f"objective {self.id}",
                fix="Give every record a list with one number per source: `penchant data build sources`.",
            )
        if self.clip:
            bound = view.mean_ref_logp.unsqueeze(1)
            sources = torch.maximum(sources, bound) if better else torch.minimum(sources, bound)
        return view.mean_logp - self._fused(sources, view.mean_logp.detach())

    def _fused(self, sources: Tensor, pivot: Tensor) -> Tensor:
        if self.fusion == "average":
            return sources.mean(dim=1)
        pivot = pivot.unsqueeze(1)
        gap = sources - pivot if self.compared == "log" else sources.exp() - pivot.exp()
        return sources.gather(1, gap.abs().argmax(dim=1, keepdim=True)).squeeze(1)
