"""Soft preference labels: likelihoods averaged geometrically by how sure the label is, and conservative IPO."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["GDPO", "GIPO", "ConservativeIPO"]


class GDPO(Objective):
    """Geometric DPO (Furuta et al., 2024).

    loss = −log σ(β (2 p − 1) (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    p is the record's ``probability`` that chosen is preferred. It comes from replacing the likelihoods by geometric
    means: the winner's by π(chosen)^p π(rejected)^(1 − p), the loser's the other way round. At p = 1 it is DPO; at
    p = ½ it is log 2 and has no gradient. Below ½ it is the loss of the swapped pair. Unlike cDPO it has no finite
    optimum. Checked against no published code; the factor 2 p − 1 is certain.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> GDPO()(chosen=equal, rejected=equal, probability=torch.tensor([0.8])).values
        tensor([0.6931])

    Reference:
        Furuta, Lee, Gu, Matsuo, Faust, Zen, Gur (2024), Geometric-Averaged Preference Optimization for Soft Preference
        Labels.
    """

    id = "gdpo"
    paper = "arXiv:2409.06691"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward of a certain pair"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss of each pair, [B]."""
        return logistic(self.beta * (2 * probability - 1) * logratio_margin(chosen, rejected))


class _SoftIPO(Objective):
    """What IPO's forms for soft labels have in common; at p = 1 they are IPO, with its hyper-parameters."""

    paper = "arXiv:2409.06691"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "strength of the regularisation; a certain pair aims at 1 / (2 beta) nats"] = 0.1
    average_log_prob: Annotated[bool, "average the log-ratio over each response's tokens, as IPO does"] = True

    def _margin(self, chosen: Scored, rejected: Scored) -> Tensor:
        return logratio_margin(chosen, rejected, average=self.average_log_prob)


class ConservativeIPO(_SoftIPO):
    """Conservative IPO, IPO with soft labels (in Furuta et al., 2024).

    loss = (Δ_chosen − Δ_rejected − (2 p − 1) / (2 β))²,   Δ = log π(y|x) − log π_ref(y|x)   (nats)

    p is the record's ``probability`` that chosen is preferred: the surer the label, the larger the margin aimed at.
    As in ``ipo``, log-ratios are means over tokens unless ``average_log_prob=False``. Checked against no published
    code.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ConservativeIPO(beta=0.5)(chosen=equal, rejected=equal, probability=torch.tensor([0.75])).values
        tensor([0.2500])

    Reference:
        Furuta, Lee, Gu, Matsuo, Faust, Zen, Gur (2024), Geometric-Averaged Preference Optimization for Soft Preference
        Labels. Azar et al. (2023), A General Theoretical Paradigm to Understand Learning from Human Preferences.
    """

    id = "cipo"

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss of each pair, [B]."""
        return (self._margin(chosen, rejected) - (2 * probability - 1) / (2 * self.beta)) ** 2


class GIPO(_SoftIPO):
    """Geometric IPO (Furuta et al., 2024).

    loss = (w (Δ_chosen − Δ_rejected) − t)²,   w = 2 p − 1,   t = |w| / (2 β),   Δ = log π(y|x) − log π_ref(y|x)

    p is the record's ``probability`` that chosen is preferred, log-ratios are means over tokens unless
    ``average_log_prob=False`` (nats). From p = ½ on the loss is w² times that of IPO: the target is scaled, since the
    averaging is applied to conservative IPO, and ties have no loss, as the abstract says. Below ½ it is that of the
    swapped pair. ``target="fixed"`` is t = 1 / (2 β), under which a tie keeps a constant loss without a gradient. Which
    of the two the paper means is uncertain; no published code is known.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> GIPO(beta=0.5)(chosen=equal, rejected=equal, probability=torch.tensor([0.75])).values
        tensor([0.2500])

    Reference:
        Furuta, Lee, Gu, Matsuo, Faust, Zen, Gur (2024), Geometric-Averaged Preference Optimization for Soft Preference
        Labels.
    """

    id = "gipo"

    target: Annotated[
        Literal["scaled", "fixed"], "margin aimed at: scaled by how sure the label is, or the same for all"
    ] = "scaled"

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss of each pair, [B]."""
        sureness = 2 * probability - 1
        aim = (sureness.abs() if self.target == "scaled" else 1.0) / (2 * self.beta)
        return (sureness * self._margin(chosen, rejected) - aim) ** 2
