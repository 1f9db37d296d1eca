"""DynamicPO: boundary negatives of a list, each with its own β."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.lists import best_and_rest
from penchant.objectives.functional.pairs import logistic

__all__ = ["DynamicPO", "boundary_negatives", "top_cluster"]

CLUSTERS = 3


def top_cluster(values: Tensor, clusters: int = CLUSTERS) -> Tensor:
    """Whether each value is in the highest of the best clusters on a line: those of least squared distance.

    Exact, by dynamic programming over the sorted values; fewer values than clusters give clusters of one.

    Args:
        values: [N].
        clusters: their number.

    Returns:
        [N] bool.

    Example:
        >>> top_cluster(torch.tensor([0.0, 5.0, 0.1, 5.2, 9.0]))
        tensor([False, False, False, False,  True])
    """
    count = len(values)
    order = values.argsort()
    line = values[order].double()
    # As plain numbers: the table below reads each of them many times, and an element of a tensor costs a microsecond.
    sums, squares = ([0.0, *each.cumsum(0).tolist()] for each in (line, line.square()))

    def cost(start: int, stop: int) -> float:
        total = sums[stop] - sums[start]
        return squares[stop] - squares[start] - total * total / (stop - start)

    best = [0.0] + [float("inf")] * count
    starts: list[list[int]] = []
    for _ in range(min(clusters, count)):
        found = [
            min(((best[s] + cost(s, e), s) for s in range(e)), default=(float("inf"), 0)) for e in range(1, count + 1)
        ]
        best, cut = [float("inf")] + [each[0] for each in found], [each[1] for each in found]
        starts.append(cut)
    kept = torch.zeros(count, dtype=torch.bool, device=values.device)
    kept[order[starts[-1][-1] :]] = True
    return kept


def boundary_negatives(chosen: Tensor, negatives: Tensor) -> Tensor:
    """The negatives that the policy finds at least as likely as the chosen response; else the most likely cluster.

    Args:
        chosen: log-probability of the chosen response under the policy, a scalar.
        negatives: [N] those of the negatives.

    Returns:
        [N] bool, never all False.

    Example:
        >>> boundary_negatives(torch.tensor(-2.0), torch.tensor([-1.0, -5.0]))
        tensor([ True, False])
    """
    above = negatives >= chosen
    return above if bool(above.any()) else top_cluster(negatives)


class DynamicPO(Objective):
    """Dynamic Preference Optimization for recommendation (2026), as in its published code.

    loss = −log σ((1/|B|) Σ_{i in B} β_i (Δ_w − Δ_i)),   Δ = log π(y|x) − log π_ref(y|x)

    B are the boundary negatives: those at least as likely as the chosen response under the policy, or, if there are
    none, the highest of three clusters by log-probability. β_i = β (1 + ½ tanh((m₁ − m₂ − 2)/(|m₁| + |m₂|))) with m₁ =
    log π(w) − log π(i) and m₂ = log π(i) − mean of the other negatives (of B if there are no others), without gradient.

    Example:
        >>> equal = torch.full((3, 1), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> DynamicPO()(responses=three, ranks=torch.tensor([1.0, 2.0, 2.0])).values
        tensor([0.6931])

    Reference:
        DynamicPO: Dynamic Preference Optimization for Recommendation (2026).
    """

    id = "dynamicpo"
    paper = "arXiv:2605.00327"
    evidence = OFFICIAL_CODE
    tags = ("weighting",)
    exempt = Exempt(value_gradient="the choice of negatives and their β carry no gradient")
    needs = Needs(reference=True)
    family = "recommendation"

    beta: Annotated[float, Gt(0), "inverse temperature before it is adjusted"] = 1.0

    def loss(self, responses: Scored, ranks: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per prompt, [B], with the number of ``boundary`` negatives and their mean ``beta_used``."""
        picked = best_and_rest(ranks, responses.group)
        policy, ratio = responses.logp.detach(), responses.logratio
        margins, counts, betas = [], [], []
        for example, best in enumerate(picked.best):
            rows = (picked.rest & (responses.group == example)).nonzero().flatten()
            if not len(rows):
                margins.append(ratio[best] * 0)
                counts.append(policy.new_zeros(()))
                betas.append(policy.new_zeros(()))
                continue
            used, scale = self.choose(policy[best], policy[rows])
            margins.append((scale * (ratio[best] - ratio[rows[used]])).mean())
            counts.append(used.sum().to(policy.dtype))
            betas.append(scale.mean())
        if not margins:
            return ratio.sum() * ratio.new_zeros(0), {}
        found = {"boundary": torch.stack(counts), "beta_used": torch.stack(betas)}
        return logistic(torch.stack(margins)), found

    def choose(self, chosen: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """The boundary negatives, [N] bool, and the β of each of them."""
        used = boundary_negatives(chosen, negatives)
        easy = negatives[~used] if bool((~used).any()) else negatives[used]
        ahead, above = chosen - negatives[used], negatives[used] - easy.mean()
        size = ahead.abs() + above.abs()
        adjust = 0.5 * ((ahead - above - 2.0) / torch.where(size > 0, size, 1.0)).tanh()
        return used, self.beta * (1 + torch.where(size > 0, adjust, 0.0))
