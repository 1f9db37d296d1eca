"""Ranking accuracy of a model, its ideal value, and the difficulty of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.numerics import logsigmoid

__all__ = [
    "EPSILON",
    "Difficulty",
    "alignment_gap",
    "difficulty",
    "idealized_accuracy",
    "idealized_margin",
    "ranked_right",
]

#: Annotator shares are clamped to this distance from 0 and 1, because no share is known more precisely.
EPSILON = 1e-3


def ranked_right(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Whether a model ranks a pair right (Chen et al., 2024), def. 2.3.

    R(π; x, y_w, y_l) = 1[log π(y_w|x) > log π(y_l|x)]

    Args:
        chosen: [B] log-probability of the chosen response, nats: summed over its tokens, or their mean.
        rejected: [B] that of the rejected one, in the same form.

    Returns:
        [B], 0 or 1; its mean is the ranking accuracy.

    Example:
        >>> ranked_right(torch.tensor([-1.0, -2.0]), torch.tensor([-3.0, -2.0]))
        tensor([1., 0.])

    Reference:
        Chen et al. (2024), Preference Learning Algorithms Do Not Learn Preference Rankings, arXiv:2405.19534.
    """
    return (chosen > rejected).to(chosen.dtype)


def idealized_margin(reference: Tensor, share: Tensor, beta: float, epsilon: float = 0.0) -> Tensor:
    """β times the log-ratio of a pair under the ideal policy of a perfect optimiser (Chen et al., 2024), cor. 3.3.

    β log(π*(y_w|x) / π*(y_l|x)) = β d_ref + logit(a),   d_ref = log π_ref(y_w|x) − log π_ref(y_l|x)

    Args:
        reference: [B] d_ref, nats.
        share: [B] a, the share of annotators who prefer the chosen response, in [0, 1].
        beta: the β of training, above 0.
        epsilon: shares are clamped to this distance from 0 and 1; with 0 a certain label gives ±infinity.

    Returns:
        [B], nats; above 0 if the ideal policy ranks the pair right.

    Raises:
        ConfigurationError: β or a share is out of range.

    Example:
        >>> idealized_margin(torch.tensor([-10.0, -10.0]), torch.tensor([0.5, 1.0]), beta=0.1)
        tensor([-1., inf])
    """
    if not beta > 0:
        raise ConfigurationError(f"beta is {beta}; expected a number above 0.")
    if not bool(((share >= 0) & (share <= 1)).all()):
        raise ConfigurationError("A share of annotators is not between 0 and 1.")
    return beta * reference + torch.logit(share.clamp(epsilon, 1 - epsilon))


def idealized_accuracy(reference: Tensor, share: Tensor, beta: float) -> Tensor:
    """Whether the ideal policy ranks each pair right: 1[β d_ref + logit(a) > 0] (Chen et al., 2024), def. 3.2.

    Computed in logarithms. The published code compares ratios of log-probabilities if it does not average over
    tokens, which is another quantity.

    Args:
        reference: [B] d_ref, nats.
        share: [B] a, in [0, 1]; 1 is always ranked right.
        beta: the β of training, above 0.

    Returns:
        [B], 0 or 1; its mean is the idealised ranking accuracy.

    Example:
        >>> idealized_accuracy(torch.tensor([-10.0, -10.0]), torch.tensor([0.5, 0.9]), beta=0.1)
        tensor([0., 1.])
    """
    return (idealized_margin(reference, share, beta) > 0).to(reference.dtype)


def alignment_gap(ideal: Tensor, observed: Tensor) -> float:
    """Idealised minus observed ranking accuracy (Chen et al., 2024), section 3.

    Args:
        ideal: [B] from `idealized_accuracy`.
        observed: [B] from `ranked_right`.

    Example:
        >>> alignment_gap(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
        0.5
    """
    return float(ideal.double().mean() - observed.double().mean())


@dataclass(frozen=True)
class Difficulty:
    """The difficulty of ranking each of B pairs right.

    Args:
        loss: [B] DPO loss, nats.
        threshold: [B] the loss below which the pair is ranked right, nats.
        right: [B] bool, whether the policy ranks the pair right.
        flippable: [B] bool, whether the pair is ranked wrong, but would be right at the mean loss of all pairs.

    Example:
        >>> found = difficulty(torch.tensor([1.0]), torch.tensor([-2.0]), beta=1.0)
        >>> found.threshold, found.loss < found.threshold, found.right
        (tensor([0.1269]), tensor([True]), tensor([True]))
    """

    loss: Tensor
    threshold: Tensor
    right: Tensor
    flippable: Tensor


def difficulty(policy: Tensor, reference: Tensor, beta: float) -> Difficulty:
    """The loss below which the ranking of a pair becomes right (Chen et al., 2024), theorem 4.1.

    log π(y_w|x) > log π(y_l|x)   ⇔   −log σ(β (d_π − d_ref)) < −log σ(β c),   c = −d_ref

    A pair that the reference ranks far wrong (large c) needs a tiny loss. A pair is flippable if it is ranked
    wrong, but its threshold is at least the mean loss of all pairs, so that ordinary progress flips it; the paper
    leaves that bound open.

    Args:
        policy: [B] d_π = log π(y_w|x) − log π(y_l|x), nats.
        reference: [B] d_ref, nats.
        beta: the β of the loss, above 0.

    Returns:
        Loss, threshold, and the two flags.

    Example:
        >>> found = difficulty(torch.tensor([1.0, -0.5]), torch.tensor([0.0, -0.1]), beta=1.0)
        >>> found.right, found.flippable
        (tensor([ True, False]), tensor([False,  True]))
    """
    if not beta > 0:
        raise ConfigurationError(f"beta is {beta}; expected a number above 0.")
    loss, threshold = -logsigmoid(beta * (policy - reference)), -logsigmoid(-beta * reference)
    right = policy > 0
    return Difficulty(loss, threshold, right, ~right & (threshold >= loss.mean()))
