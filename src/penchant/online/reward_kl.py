"""A divergence from the reference in the reward, with a fixed coefficient or one that a controller moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from penchant.objectives.functional.sampled.returns import next_coefficient
from penchant.online.rollouts import Rollout

__all__ = ["coefficient_after", "less_divergence"]


def less_divergence(
    rollouts: Sequence[Rollout], divergences: Sequence[Sequence[float]], coefficient: float
) -> list[Rollout]:
    """The rollouts with β d taken off their rewards.

    r' = r − β Σ_t (log π_t − log π_ref,t)

    Args:
        rollouts: judged samples.
        divergences: for each rollout, the sum over the tokens of each response, nats.
        coefficient: β, kept in the settings of each rollout.

    Example:
        >>> from penchant.feedback.records import Source
        >>> from penchant.generation.responses import Response
        >>> one = Rollout(Source(), "", (5,), (Response("2", (7,), True),), (1.0,))
        >>> [less] = less_divergence([one], [[2.0]], 0.25)
        >>> less.scores, less.judged, less.settings
        ((0.5,), (1.0,), {'reward_kl': 0.25})
    """
    return [
        replace(
            each,
            scores=tuple(score - coefficient * far for score, far in zip(each.scores, own, strict=True)),
            judged=each.scores,
            divergence=tuple(own),
            settings={**each.settings, "reward_kl": coefficient},
        )
        for each, own in zip(rollouts, divergences, strict=True)
    ]


def coefficient_after(before: Sequence[Rollout], target: float, horizon: int) -> float:
    """β after a round: it grows where the divergence was above the target.

    β_{k+1} = β_k (1 + clip(d̄_k / target − 1, −0.2, 0.2) · n_k / horizon)

    Args:
        before: the round before, whose settings hold β_k.
        target: of the mean divergence of a response, nats.
        horizon: number of responses over which β may change by its limit.

    Example:
        >>> from penchant.feedback.records import Source
        >>> from penchant.generation.responses import Response
        >>> far = Rollout(Source(), "", (5,), (Response("2", (7,), True),), (1.0,))
        >>> round(coefficient_after(less_divergence([far], [[9.0]], 0.1), target=3.0, horizon=10), 6)
        0.102

    Reference:
        Ziegler et al. (2019), Fine-Tuning Language Models from Human Preferences, section 2.2.
    """
    divergences = [value for each in before for value in each.divergence]
    return next_coefficient(
        float(before[0].settings["reward_kl"]),
        sum(divergences) / len(divergences),
        target=target,
        horizon=horizon,
        samples=len(divergences),
    )
