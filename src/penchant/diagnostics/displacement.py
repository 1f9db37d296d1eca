"""Likelihood displacement: 3D properties, and pairs in the undesirable space."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["in_undesirable_space", "three_d_properties", "undesirable_space"]


def three_d_properties(
    chosen: Tensor, rejected: Tensor, chosen_logratio: Tensor, unseen: Tensor | None = None
) -> dict[str, float]:
    """The 3D properties of DPO at one step (Yan et al., 2024): drop, degradation, dispersion.

    Drastic drop of rejected responses: the mean of log π(y_l|x). Degradation of chosen ones: the share of pairs whose
    chosen response is less likely than under the reference, h_w < 0; and log(π(y_w|x) / π(y_l|x)), by which the
    gradient with respect to π(y_l|x) outweighs that with respect to π(y_w|x). Dispersion: the mean of log π over unseen
    responses. The three names are the paper's; the assignment of these numbers to them is our reading.

    Args:
        chosen: [B] log π(y_w|x), summed over tokens, nats.
        rejected: [B] log π(y_l|x).
        chosen_logratio: [B] h_w = log π(y_w|x) − log π_ref(y_w|x).
        unseen: [U] log-probabilities of responses that were not trained on.

    Returns:
        Means by name; the ratio stays a logarithm, because it would soon overflow.

    Example:
        >>> one = torch.tensor([-1.0, -2.0])
        >>> three_d_properties(one, 2 * one, torch.tensor([-0.5, 0.5]))
        {'logp_chosen': -1.5, 'logp_rejected': -3.0, 'log_ratio': 1.5, 'share_chosen_below_reference': 0.5}

    Reference:
        Yan et al. (2024), 3D-Properties: Identifying Challenges in DPO and Charting a Path Forward, arXiv:2406.07327.
    """
    found = {
        "logp_chosen": _mean(chosen),
        "logp_rejected": _mean(rejected),
        "log_ratio": _mean(chosen - rejected),
        "share_chosen_below_reference": _mean(chosen_logratio < 0),
    }
    return found if unseen is None else {**found, "logp_unseen": _mean(unseen)}


def in_undesirable_space(policy: Tensor, reference: Tensor) -> Tensor:
    """Whether DPO counts a pair as improved although the policy ranks it wrong (Constrained PO).

    (x, y_w, y_l) ∈ U   ⇔   d_π < 0  and  d_π > d_ref

    Args:
        policy: [B] d_π, the difference of the two responses' mean log-probabilities per token, nats.
        reference: [B] d_ref, the same under the reference.

    Returns:
        [B] bool.

    Example:
        >>> in_undesirable_space(torch.tensor([-0.1, -0.9, 0.1]), torch.tensor([-0.5, -0.5, -0.5]))
        tensor([ True, False, False])

    Reference:
        Conditional Equivalence of DPO and RLHF: Implicit Assumption, Failure Modes, and Provable Alignment.
    """
    return (policy < 0) & (policy > reference)


def undesirable_space(policy: Tensor, reference: Tensor, gamma: float = 0.05) -> dict[str, float]:
    """Share of pairs in the undesirable space, and of pairs for which Constrained PO demands a higher margin.

    Args:
        policy: [B] d_π of averages, nats per token.
        reference: [B] d_ref of averages.
        gamma: γ, the target margin of the policy.

    Returns:
        ``share_undesirable``, and ``share_reference_below_gamma``: d_ref < γ.

    Example:
        >>> undesirable_space(torch.tensor([-0.1, 0.1]), torch.tensor([-0.5, 0.2]))
        {'share_undesirable': 0.5, 'share_reference_below_gamma': 0.5}
    """
    return {
        "share_undesirable": _mean(in_undesirable_space(policy, reference)),
        "share_reference_below_gamma": _mean(reference < gamma),
    }


def _mean(values: Tensor) -> float:
    return float(torch.as_tensor(values).double().mean())
