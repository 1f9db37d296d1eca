"""Simple Preference Optimization (SimPO): mean log-probability per token as reward, and a target margin."""

from __future__ import annotations

import math
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import NLLAverage, likelihood_couples, with_likelihood
from penchant.objectives.functional.pairs import hinge, logistic

__all__ = ["SimPO", "SimPOHinge"]


class _TargetMargin(Objective):
    """Base class of both forms: length-normalised reward, target margin, and an optional likelihood term."""

    paper = "arXiv:2405.14734"
    tags = ("margin", "normalized", "length")

    beta: Annotated[float, Gt(0), "slope of the loss; margins are in nats per token"] = 2.0
    gamma_beta_ratio: Annotated[float, Ge(0), "target margin γ / β, nats per token"] = 0.25
    gamma: Annotated[float | None, Ge(0), "target margin γ, in units of the loss's argument, instead of the ratio"] = (
        None
    )
    sft_weight: Annotated[float, Ge(0), "weight w of the chosen response's negative log-likelihood"] = 0.0
    nll_average: Annotated[NLLAverage, "average the likelihood over the tokens of the batch or of each response"] = (
        "batch"
    )

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = likelihood_couples(self.sft_weight, self.nll_average)
        if self.gamma is None:
            return
        ratio = self.gamma / self.beta
        if "gamma_beta_ratio" in hyper and not math.isclose(ratio, self.gamma_beta_ratio, rel_tol=1e-9):
            raise ConfigurationError(
                f"'gamma' is {self.gamma} and 'beta' is {self.beta}, so γ / β is {ratio:g}, but 'gamma_beta_ratio' is "
                f"{self.gamma_beta_ratio}.",
                where=f"objective {self.id}",
                fix="Give either 'gamma' or 'gamma_beta_ratio'.",
            )
        self.gamma_beta_ratio = ratio

    def _margin(self, chosen: Scored, rejected: Scored) -> Tensor:
        """β h per pair, [B]."""
        return self.beta * (chosen.mean_logp - rejected.mean_logp - self.gamma_beta_ratio)

    def _with_likelihood(self, preference: Tensor, chosen: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        return with_likelihood(preference, chosen, self.sft_weight, self.nll_average)

    def rewards(self, view: Scored) -> Tensor:
        """The reward β · mean log π of each response, [R], without gradient."""
        return (self.beta * view.mean_logp).detach()


class SimPO(_TargetMargin):
    """Simple Preference Optimization (Meng, Xia, Chen, 2024), eq. 6.

    loss = −(1 − ε) log σ(β h) − ε log σ(−β h) + w nll,   h = mean log π(y_chosen|x) − mean log π(y_rejected|x) − γ / β

    Means are over the tokens of a response (nats per token). γ is set by ``gamma_beta_ratio``, as in the published
    code, or by ``gamma``, as in other libraries, but not by both. With w > 0 and ``nll_average=batch``, as in the code,
    the token count couples the examples of a batch.

    Raises:
        ConfigurationError: ``gamma`` and ``gamma_beta_ratio`` are both given and inconsistent.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> SimPO(gamma=0.0)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Meng, Xia, Chen (2024), SimPO: Simple Preference Optimization with a Reference-Free Reward.
    """

    id = "simpo"
    evidence = OFFICIAL_CODE
    former = (Former("loss_type", by_value={"sigmoid": "Leave it out.", "hinge": "Use objective simpo-hinge."}),)

    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "assumed share ε of flipped labels"] = 0.0

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        return self._with_likelihood(logistic(self._margin(chosen, rejected), self.label_smoothing), chosen)


class SimPOHinge(_TargetMargin):
    """SimPO with a hinge (Meng, Xia, Chen, 2024), as in its published code.

    loss = max(0, 1 − β h) + w nll,   h = mean log π(y_chosen|x) − mean log π(y_rejected|x) − γ / β

    A pair with a margin of at least 1 / β above its target has no gradient. The rest is as in ``simpo``.

    Raises:
        ConfigurationError: ``gamma`` and ``gamma_beta_ratio`` are both given and inconsistent.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> SimPOHinge(gamma=0.5)(chosen=equal, rejected=equal).values
        tensor([1.5000])

    Reference:
        Meng, Xia, Chen (2024), SimPO: Simple Preference Optimization with a Reference-Free Reward.
    """

    id = "simpo-hinge"
    evidence = OFFICIAL_CODE

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        return self._with_likelihood(hinge(self._margin(chosen, rejected)), chosen)
