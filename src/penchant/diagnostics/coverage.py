"""Coverage: how far a policy has moved beyond what its reference, or the data, would say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from penchant.diagnostics.novelty.exploration import text_scores
from penchant.generation.engine import generate

__all__ = ["MEANINGS", "coverage_figures", "effective_sample_size", "sampled_log_ratios"]

_QUANTILES = {"05": 0.05, "50": 0.5, "95": 0.95}
#: Tokens of a sampled response, at most.
_LONGEST = 128

MEANINGS = {
    **{f"coverage/data_{name}": f"{name} % quantile of log π/μ over the data's responses, nats" for name in _QUANTILES},
    "coverage/data_largest": "largest log π/μ among the data's responses, nats",
    "coverage/data_effective": "share of the data that counts when weighted by π/μ (effective sample size)",
    **{
        f"coverage/sampled_{name}": f"{name} % quantile of log π/μ over the model's own responses"
        for name in _QUANTILES
    },
    "coverage/sampled_largest": "largest log π/μ among the model's own responses: a lower bound of log coverage",
    "coverage/reverse_kl": "KL(π ‖ μ): mean log π/μ over the model's own responses, nats",
    "coverage/reverse_kl_error": "its standard error, nats",
}


def effective_sample_size(log_ratio: Tensor) -> float:
    """How many samples of μ count when they are weighted to be samples of π.

    ESS = (Σ_i w_i)² / Σ_i w_i²,   w = π/μ

    Args:
        log_ratio: [N] log π(y) − log μ(y) of samples of μ, nats.

    Returns:
        From 1 to N; NaN for N = 0.

    Example:
        >>> effective_sample_size(torch.zeros(4)), round(effective_sample_size(torch.tensor([0.0, 50.0])), 6)
        (4.0, 1.0)

    Reference:
        Song et al. (2024), The Importance of Online Data: Understanding Preference Fine-tuning via Coverage,
        arXiv:2406.01462.
    """
    if not len(log_ratio):
        return math.nan
    values = log_ratio.double()
    return float((2 * values.logsumexp(0) - (2 * values).logsumexp(0)).exp())


def coverage_figures(data: Tensor, sampled: Tensor | None = None) -> dict[str, float]:
    """The figures of coverage, by name; `MEANINGS` says what they mean.

    Args:
        data: [N] log π/μ of the data's responses, nats, N at least 1.
        sampled: [S] the same of responses that the policy has written; None without.

    Example:
        >>> coverage_figures(torch.tensor([0.0, 0.0]))["coverage/data_effective"]
        1.0

    Reference:
        As `effective_sample_size`.
    """
    figures = _spread("data", data)
    figures["coverage/data_effective"] = effective_sample_size(data) / len(data)
    if sampled is not None and len(sampled):
        figures |= _spread("sampled", sampled)
        figures["coverage/reverse_kl"] = float(sampled.double().mean())
        if len(sampled) > 1:
            figures["coverage/reverse_kl_error"] = float(sampled.double().std()) / math.sqrt(len(sampled))
    return figures


def _spread(whose: str, log_ratio: Tensor) -> dict[str, float]:
    values = log_ratio.double()
    found = {f"coverage/{whose}_{name}": float(values.quantile(share)) for name, share in _QUANTILES.items()}
    return found | {f"coverage/{whose}_largest": float(values.max())}


def sampled_log_ratios(
    policy: nn.Module,
    reference: nn.Module,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    stop_token_ids: Sequence[int],
    *,
    longest: int = _LONGEST,
    seed: int = 0,
    advance: Callable[[int], None] | None = None,
) -> Tensor:
    """log π/μ of one response of the policy to each prompt, over exactly the tokens that it wrote.

    Args:
        policy, reference: causal language models with one vocabulary.
        tokenizer: of both.
        prompts: S prompts as token ids.
        stop_token_ids: tokens that end a response.
        longest: tokens of a response; one that is cut there counts with the tokens it has.
        seed: of the sampling, at temperature 1.
        advance: called with the number of responses done.

    Returns:
        [S], nats; fewer where the policy writes nothing.
    """
    drawn = generate(policy, tokenizer, prompts, max_new_tokens=longest, stop_token_ids=list(stop_token_ids), seed=seed)
    found = []
    for place, (start, (ids,)) in enumerate(zip(prompts, drawn, strict=True), 1):
        if ids:
            found.append(sum(text_scores(policy, reference, start, ids, 1.0)))
        if advance is not None:
            advance(place)
    return torch.tensor(found, dtype=torch.float64)
