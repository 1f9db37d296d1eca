"""KTO: alignment with single responses labelled as desirable or undesirable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.class_weights import ClassWeight
from penchant.objectives.functional.numerics import masked_sum
from penchant.objectives.functional.utilities import kahneman_tversky

__all__ = ["KTO", "HALOsKTO"]


class _Valued(Objective):
    """Base class of both forms, which differ in the mean of the reference point and in what counts as a log-ratio."""

    paper = "arXiv:2402.01306"
    evidence = OFFICIAL_CODE
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "slope of the value function, per nat"] = 0.1
    desirable_weight: Annotated[ClassWeight, "weight λ_D of desirable responses; auto balances the classes"] = 1.0
    undesirable_weight: Annotated[ClassWeight, "weight λ_U of undesirable responses; auto balances the classes"] = 1.0

    def loss(self, responses: Scored, label: Tensor, mismatched: Scored) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per response, [B], with the ``reference_point`` of the batch and its standard error, nats."""
        ratios = self._ratios(mismatched).detach()
        point = self._mean(ratios).clamp(min=0)
        gain = self._ratios(responses) - point
        values = kahneman_tversky(gain, label, self.beta, self.desirable_weight, self.undesirable_weight)
        return values, _statistics(point, ratios, values)

    def _ratios(self, view: Scored) -> Tensor:
        """The log-ratio of each response, [R]."""
        return view.logratio

    def _mean(self, ratios: Tensor) -> Tensor:
        """The mean of the log-ratios of mismatched responses, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it averages.")


def _statistics(point: Tensor, ratios: Tensor, values: Tensor) -> dict[str, Tensor]:
    """The reference point, and the standard error of the mean that it is; a single ratio has none."""
    found = {"reference_point": point.expand(len(values))}
    if len(ratios) > 1:
        found["reference_point_error"] = (ratios.std() / len(ratios) ** 0.5).expand(len(values))
    return found


class KTO(_Valued):
    """Kahneman-Tversky Optimization (Ethayarajh et al., 2024), as in its published code.

    loss = λ (1 − σ(±β (d − z₀))),   d = log π(y|x) − log π_ref(y|x),   z₀ = max(0, mean_i [d(y_j(i)|x_i)])

    The sign is + and λ = λ_D for a desirable response; the sign is − and λ = λ_U for an undesirable one. The reference
    point z₀ estimates the KL divergence from the reference, nats: the mean over the batch of the log-ratio of another
    example's response to this example's prompt (the view ``mismatched``), without gradient. It couples the examples of
    a batch, so a split step takes one more forward pass. For imbalanced labels the paper
    recommends weights with λ_D n_D / (λ_U n_U) between 1 and 4/3; a weight ``auto`` follows from the training data.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((2, 1), -1.0), torch.full((2, 1), -1.0), torch.ones(2, 1, dtype=torch.bool))
        >>> KTO()(responses=equal, label=torch.tensor([1.0, 0.0]), mismatched=equal).values
        tensor([0.5000, 0.5000])

    Reference:
        Ethayarajh, Xu, Muennighoff, Jurafsky, Kiela (2024), KTO: Model Alignment as Prospect Theoretic Optimization.
    """

    id = "kto"
    tags = ("batch", "utility")
    batch_coupled = True

    def _mean(self, ratios: Tensor) -> Tensor:
        return ratios.sum().div(max(len(ratios), 1))


class HALOsKTO(_Valued):
    """Kahneman-Tversky Optimization as in HALOs, the code of its authors (Ethayarajh et al., 2024).

    loss = λ (1 − σ(±β (d − z₀))),   z₀ = max(0, Σ_i d(y_j(i)|x_i) / #{i : d(y_j(i)|x_i) ≠ 0})

    As ``kto``, but mismatched responses whose log-ratio is exactly 0 are not counted. With ``humanline`` the log-ratio
    of each token is clamped to [``log_epsilon_p``, ``log_epsilon_r``] before it is summed, for responses and mismatched
    responses; clamped tokens get no gradient.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((2, 1), -1.0), torch.full((2, 1), -1.0), torch.ones(2, 1, dtype=torch.bool))
        >>> HALOsKTO()(responses=equal, label=torch.tensor([1.0, 0.0]), mismatched=equal).values
        tensor([0.5000, 0.5000])

    Reference:
        Ethayarajh, Xu, Muennighoff, Jurafsky, Kiela (2024), KTO: Model Alignment as Prospect Theoretic Optimization.
    """

    id = "kto-halos"
    tags = ("batch", "utility")
    batch_coupled = True

    humanline: Annotated[bool, "clamp the log-ratio of each token"] = False
    log_epsilon_p: Annotated[float, "lower bound of a token's log-ratio with humanline, nats"] = -1.0
    log_epsilon_r: Annotated[float, "upper bound of a token's log-ratio with humanline, nats"] = 1.5

    def _mean(self, ratios: Tensor) -> Tensor:
        return ratios.sum() / (ratios != 0).sum().clamp(min=1)

    def _ratios(self, view: Scored) -> Tensor:
        """The log-ratio of each response, [R]."""
        if not self.humanline:
            return view.logratio
        return masked_sum(view.token_logratio.clamp(self.log_epsilon_p, self.log_epsilon_r), view.mask)
