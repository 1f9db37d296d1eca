"""SPT, which spends a budget of trained numbers where the loss is most sensitive: low-rank or single weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.likelihood.core import device_of
from penchant.likelihood.inside.layers import decoder_layers
from penchant.training.parameters.added import AddedStrategy, Place
from penchant.training.parameters.attribution import at_least
from penchant.training.parameters.frozen import trained_weights
from penchant.training.parameters.strategy import Start

__all__ = ["SPT", "allocation", "sensitivities"]

# Thresholds that are tried, as factors of the budget.
STEPS = tuple(1.1**power for power in range(-40, 25))
# From this share of the budget on, a difference to it is said.
FAR = 0.15

log = logging.getLogger("penchant")


def sensitivities(start: Start, names: set[str], batches: int) -> dict[str, Tensor]:
    """Σ over batches of the squared gradient of the objective's mean loss, for each weight.

    Args:
        start: the run.
        names: of the weights.
        batches: how many steps of the run are read, from the first on.

    Reference:
        He et al. (2023), Sensitivity-Aware Visual Parameter-Efficient Fine-Tuning, arXiv:2303.08566.
    """
    weights = trained_weights(start)
    found = {name: torch.zeros_like(weights[name], dtype=torch.float32) for name in sorted(names)}
    for step in islice(_steps(start), batches):
        start.model.zero_grad(set_to_none=True)
        for loss in step:
            loss.backward()  # type: ignore[no-untyped-call]
        for name, total in found.items():
            gradient = weights[name].grad
            total += start.total(torch.zeros_like(total) if gradient is None else gradient.float()) ** 2
    start.model.zero_grad(set_to_none=True)
    start.objective.zero_grad()
    return found


def _steps(start: Start) -> Iterator[Iterator[Tensor]]:
    """The losses of the micro-batches of each step."""
    laid = iter(start.loader())
    while step := list(islice(laid, start.parts)):
        yield map(partial(_loss, start), step)


def _loss(start: Start, inputs: Any) -> Tensor:
    batch = inputs["batch"].to(device_of(start.scorer.core))
    with start.autocast():
        views = start.scorer.score_batch(batch, start.reference, start.objective.requirements.needs)
    losses = start.objective.compute({**views, **batch.fields})
    return torch.where(batch.weights > 0, losses.values * batch.weights, 0.0).sum() / batch.denominator


def allocation(
    scores: dict[str, Tensor], budget: int, rank: int, alpha: float, beta: float, scale: float
) -> dict[str, Place]:
    """What is trained at each weight, so that about ``budget`` numbers are trained.

    The τ most sensitive weights are marked. A matrix with c ≥ rank (rows + columns) / α of them gets a low-rank matrix,
    a vector with c ≥ size / β of them is trained whole; elsewhere the marked weights alone are trained. Of many τ the
    one whose total is nearest the budget is kept.

    Args:
        scores: sensitivity of each weight, by tensor.
        budget: number of trained numbers.
        rank: of low-rank matrices.
        alpha: α; 0 trains single weights only, a large value puts a low-rank matrix wherever one weight is marked.
        beta: β, the same for vectors.
        scale: of low-rank matrices.

    Raises:
        ConfigurationError: no weight has any influence on the loss.
    """
    best: tuple[int, dict[str, Place]] | None = None
    for factor in STEPS:
        marked = at_least(scores, max(1, round(factor * budget)))
        places = {name: _place(mask, rank, alpha, beta, scale) for name, mask in marked.items() if bool(mask.any())}
        gap = abs(sum(each.size(scores[name]) for name, each in places.items()) - budget)
        if places and (best is None or gap < best[0]):
            best = (gap, places)
    if best is None:
        raise ConfigurationError(
            "No weight has any influence on the loss, so none is sensitive.", where="parameters", fix="Check the data."
        )
    return best[1]


def _place(marked: Tensor, rank: int, alpha: float, beta: float, scale: float) -> Place:
    count = int(marked.sum())
    if marked.dim() == 2 and count * alpha >= rank * sum(marked.shape):
        return Place(rank=rank, scale=scale)
    if marked.dim() == 1 and count * beta >= marked.numel():
        return Place(whole=True)
    return Place(support=marked.flatten().nonzero().flatten().cpu())


class SPT(AddedStrategy):
    """Sensitivity-aware parameter-efficient tuning (He et al., 2023).

    The sensitivity of a weight is the sum of its squared gradients over some batches, with the run's own objective.
    Weights of the decoder layers take part; embeddings and output head stay, heads of the objective are trained.

    Reference:
        He et al. (2023), Sensitivity-Aware Visual Parameter-Efficient Fine-Tuning, arXiv:2303.08566.
    """

    id = "spt"

    ratio: Annotated[float, Gt(0), Le(1), "budget: trained numbers as a share of all weights"] = 0.005
    batches: Annotated[int, Ge(1), "batches of training data that are read for the sensitivities"] = 8
    rank: Annotated[int, Ge(1), "rank of low-rank matrices"] = 8
    scale: Annotated[float, Gt(0), "factor of low-rank matrices"] = 2.0
    alpha: Annotated[float, Ge(0), "inclination to low-rank matrices; 0 trains single weights only"] = 10.0
    beta_v: Annotated[float, Ge(0), "inclination to whole vectors; 0 trains single weights only"] = 5.0

    def choose(self, start: Start) -> dict[str, Place]:
        """See `AddedStrategy.choose`."""
        weights = trained_weights(start)
        layers = tuple(f"{path}." for path, _layer in decoder_layers(start.model))
        inside = {name for name in weights if name.startswith(layers) and weights[name].dim() <= 2} if layers else set()
        if not inside:
            raise ConfigurationError("The model has no layers to allot weights to.", where="parameters")
        scores = sensitivities(start, inside, self.batches)
        budget = max(1, int(self.ratio * sum(each.numel() for each in weights.values())))
        places = allocation(scores, budget, self.rank, self.alpha, self.beta_v, self.scale)
        self._warn(sum(each.size(scores[name]) for name, each in places.items()), budget)
        return places

    def _warn(self, total: int, budget: int) -> None:
        """Say that no threshold comes near the budget, which low-rank matrices of one size may prevent."""
        if abs(total - budget) > FAR * budget:
            less = total < budget
            log.warning(
                "parameters=spt trains %s numbers, ratio=%g asks for %s: with rank=%d and alpha=%g no threshold of the "
                "sensitivities comes nearer. %s",
                *(f"{total:,}", self.ratio, f"{budget:,}", self.rank, self.alpha),
                "Raise rank, or lower alpha." if less else "Lower rank or alpha.",
            )
