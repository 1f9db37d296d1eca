"""Truncated importance weights, which correct for samples that another version of the weights has drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from penchant.errors import ModelError
from penchant.online.rollouts import Rollout

__all__ = ["truncated", "with_weights"]

# Differences of log-probabilities beyond this, in nats, are cut before the exponential.
WIDEST = 20.0


def truncated(policy: Sequence[float], drawn: Sequence[float], level: str, cap: float) -> tuple[float, ...]:
    """The weight of each token of a response.

    token: w_t = min(π_t / μ_t, c).   sequence: w = min(Π_t π_t / μ_t, c), the same for all tokens

    Args:
        policy: log π_t, of the policy before the round's first step, nats.
        drawn: log μ_t, of the distribution that drew the tokens, nats.
        level: ``token`` or ``sequence``.
        cap: c.

    Example:
        >>> [round(each, 3) for each in truncated((-1.0, -1.0), (-3.0, -0.5), "token", 2.0)]
        [2.0, 0.607]
        >>> [round(each, 3) for each in truncated((-1.0, -1.0), (-1.2, -0.5), "sequence", 2.0)]
        [0.741, 0.741]

    Reference:
        Ionides (2008), Truncated Importance Sampling; Yao et al. (2025), Your Efficient RL Framework Secretly Brings
        You Off-Policy RL Training.
    """
    apart = [own - other for own, other in zip(policy, drawn, strict=True)]
    if level == "sequence":
        apart = [sum(apart)] * len(apart)
    return tuple(min(math.exp(max(-WIDEST, min(WIDEST, each))), cap) for each in apart)


def with_weights(rollouts: Sequence[Rollout], level: str, cap: float) -> list[Rollout]:
    """The rollouts with the weights of their learned tokens.

    Args:
        rollouts: samples with log-probabilities of the policy (``old_logps``) and of the engine.
        level: ``token`` or ``sequence``.
        cap: largest weight.

    Raises:
        ModelError: the engine has not given the log-probabilities of a response.
    """
    return [
        replace(each, weights=_weights(each, level, cap), settings={**each.settings, "staleness": level})
        for each in rollouts
    ]


def _weights(rollout: Rollout, level: str, cap: float) -> tuple[tuple[float, ...], ...]:
    found = []
    for response, policy in zip(rollout.responses, rollout.old_logps, strict=True):
        if response.logps is None:
            raise ModelError(
                "The engine gives no log-probabilities of the tokens that it drew, so samples of other weights cannot "
                "be corrected for.",
                where="engine",
                fix="Let the server give them (`logprobs` of the completion interface), or send it the weights "
                "(engine.update), or sample in process.",
            )
        learned = response.learned or (True,) * len(response.ids)
        drawn = [value for value, own in zip(response.logps, learned, strict=True) if own]
        found.append(truncated(policy, drawn, level, cap))
    return tuple(found)
