"""Geometric averaging for soft preference labels: GDPO, GIPO, GROPO; and conservative IPO."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import PAPER, reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import bounded_logistic, logistic, logratio_margin

__all__ = ["GDPO", "GIPO", "GROPO", "ConservativeIPO"]


class GDPO(Objective):
    """Geometric DPO (Furuta et al., 2024).

    loss = −log σ(β (2 p − 1) (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    p is the record's ``probability`` that chosen is preferred. The loss follows from replacing the likelihoods by
    geometric means: the winner's by π(chosen)^p π(rejected)^(1 − p), the loser's vice versa. At p = 1 it is DPO; at p =
    ½ it is log 2 with zero gradient; below ½ it is the loss of the swapped pair. Unlike cDPO it has no finite optimum.

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
    evidence = PAPER
    tags = ("soft-labels",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward at p = 1"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        return logistic(self.beta * (2 * probability - 1) * logratio_margin(chosen, rejected))


class _SoftIPO(Objective):
    """Base class of IPO's forms for soft labels; at p = 1 they are IPO, with its hyper-parameters."""

    paper = "arXiv:2409.06691"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "strength of the regularisation; the target margin at p = 1 is 1 / (2 beta) nats"] = (
        0.1
    )
    average_log_prob: Annotated[bool, "average the log-ratio over the tokens of each response, as in IPO"] = True

    def _margin(self, chosen: Scored, rejected: Scored) -> Tensor:
        return logratio_margin(chosen, rejected, average=self.average_log_prob)


class ConservativeIPO(_SoftIPO):
    """Conservative IPO, IPO with soft labels (in Furuta et al., 2024).

    loss = (Δ_chosen − Δ_rejected − (2 p − 1) / (2 β))²,   Δ = log π(y|x) − log π_ref(y|x)   (nats)

    p is the record's ``probability`` that chosen is preferred: the more certain the label, the larger the target
    margin. As in ``ipo``, log-ratios are means over tokens unless ``average_log_prob=False``.

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
    evidence = PAPER
    tags = ("soft-labels",)

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        return (self._margin(chosen, rejected) - (2 * probability - 1) / (2 * self.beta)) ** 2


class GIPO(_SoftIPO):
    """Geometric IPO (Furuta et al., 2024).

    loss = (w (Δ_chosen − Δ_rejected) − t)²,   w = 2 p − 1,   t = |w| / (2 β),   Δ = log π(y|x) − log π_ref(y|x)

    p is the record's ``probability`` that chosen is preferred, log-ratios are means over tokens unless
    ``average_log_prob=False`` (nats). For p ≥ ½ the loss is w² times that of IPO: the averaging is applied to
    conservative IPO, which scales the target, and ties have zero loss, as stated in the abstract. Below ½ it is that of
    the swapped pair. ``target="fixed"`` sets t = 1 / (2 β); a tie then has a constant loss with zero gradient.

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
    evidence = reconstruction(
        "That the target scales with the certainty of the label (the default) is our reading of the abstract; no "
        "published code is known."
    )
    tags = ("soft-labels",)

    target: Annotated[
        Literal["scaled", "fixed"], "target margin: scaled by the certainty of the label, or the same for all pairs"
    ] = "scaled"

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        sureness = 2 * probability - 1
        aim = (sureness.abs() if self.target == "scaled" else 1.0) / (2 * self.beta)
        return (sureness * self._margin(chosen, rejected) - aim) ** 2


class GROPO(Objective):
    """Geometric ROPO (Furuta et al., 2024).

    loss = −γ log σ(z) + α σ(−z),   z = β (2 p − 1) (Δ_chosen − Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)

    p is the record's ``probability`` that chosen is preferred (Δ summed over tokens, nats). At p = 1 it is ``ropo``, at
    p = ½ it is constant.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> GROPO()(chosen=equal, rejected=equal, probability=torch.tensor([0.8])).values
        tensor([1.0693])

    Reference:
        Furuta, Lee, Gu, Matsuo, Faust, Zen, Gur (2024), Geometric-Averaged Preference Optimization for Soft Preference
        Labels.
    """

    id = "gropo"
    paper = "arXiv:2409.06691"
    evidence = reconstruction("The constants are our choice; no published code is known.")
    tags = ("noise", "robust", "soft-labels")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    alpha: Annotated[float, Ge(0), "weight α of the bounded term, which limits the effect of mislabelled pairs"] = 2.0
    gamma: Annotated[float, Ge(0), "weight γ of the logistic term"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        margin = self.beta * (2 * probability - 1) * logratio_margin(chosen, rejected)
        return bounded_logistic(margin, self.gamma, self.alpha)
