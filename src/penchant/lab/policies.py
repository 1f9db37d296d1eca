"""Sampling from policies, and comparison of two policies by a known reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import pstdev
from typing import Any

from penchant.statistics import Interval, mean_interval, paired_difference, win_rate

__all__ = ["Answer", "PolicyComparison", "answer", "compare_policies"]

Reward = Callable[[str, str], float]


@dataclass(frozen=True)
class Answer:
    """A sampled response: its text, its tokens including the end token, and whether it ended."""

    text: str
    ids: tuple[int, ...]
    finished: bool


def answer(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, samples: int = 1, max_new_tokens: int, seed: int
) -> list[list[Answer]]:
    """Sample responses of a model at temperature 1, the distribution of its log-probabilities.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        prompts: P prompts as text.
        samples: responses per prompt.
        max_new_tokens: maximum length; a response without end token counts as unfinished.
        seed: seed of the sampling.

    Returns:
        P lists of ``samples`` answers.
    """
    from penchant.generation import generate
    from penchant.rendering.renderer import Renderer

    renderer = Renderer(tokenizer)
    stops = list(renderer.stop_token_ids)
    generated = generate(
        model,
        tokenizer,
        [renderer.prompt_ids(prompt) for prompt in prompts],
        samples=samples,
        max_new_tokens=max_new_tokens,
        stop_token_ids=stops,
        seed=seed,
        batch_size=512,
    )
    return [
        [
            Answer(tokenizer.decode(ids, skip_special_tokens=True), tuple(ids), bool(ids) and ids[-1] in stops)
            for ids in responses
        ]
        for responses in generated
    ]


@dataclass(frozen=True)
class PolicyComparison:
    """Comparison of two policies on the same prompts, with one response each.

    Args:
        before, after: mean true reward with its 95 % interval.
        gain: mean of reward after − reward before, paired by prompt, with its bootstrap interval.
        wins: how often the later response has the higher reward, with ties counting half and its Wilson interval.
        kl: KL(after ‖ before) in nats per response, with its interval.
        deviation: standard deviation of the reward before, a scale for the gain.
        distinct: share of distinct responses after; 1 / number of prompts if all are equal.
        unfinished: share of responses after without end token.
        samples: per prompt ``prompt, before, after, reward_before, reward_after``.
    """

    before: Interval
    after: Interval
    gain: Interval
    wins: Interval
    kl: Interval
    deviation: float
    distinct: float
    unfinished: float
    samples: list[dict[str, Any]]


def compare_policies(
    before: Any, after: Any, tokenizer: Any, prompts: Sequence[str], *, reward: Reward, max_new_tokens: int, seed: int
) -> PolicyComparison:
    """Sample one response per prompt from each policy and compare their true rewards.

    KL(after ‖ before) = E over y ~ after of (log π_after(y|x) − log π_before(y|x)), estimated on the sampled responses;
    the estimate is unbiased if every response ends.

    Args:
        before, after: causal language models with the same tokenizer; ``before`` is the reference.
        tokenizer: their tokenizer.
        prompts: two or more held-out prompts.
        reward: ``reward(prompt, response) -> float``, the true reward.
        max_new_tokens: maximum length of a response.
        seed: seed of the sampling; each policy has its own derived seed.

    Returns:
        The comparison.
    """
    from penchant.likelihood import sequence_logps
    from penchant.rendering.renderer import Renderer

    first = _one_each(before, tokenizer, prompts, max_new_tokens, seed)
    second = _one_each(after, tokenizer, prompts, max_new_tokens, seed + 1)
    old = [reward(prompt, early.text) for prompt, early in zip(prompts, first, strict=True)]
    new = [reward(prompt, late.text) for prompt, late in zip(prompts, second, strict=True)]
    rows = zip(prompts, first, second, old, new, strict=True)
    samples: list[dict[str, Any]] = [
        {"prompt": prompt, "before": early.text, "after": late.text, "reward_before": was, "reward_after": is_now}
        for prompt, early, late, was, is_now in rows
    ]
    renderer = Renderer(tokenizer)
    prompt_ids, response_ids = [renderer.prompt_ids(prompt) for prompt in prompts], [list(late.ids) for late in second]
    policy = sequence_logps(after, prompt_ids, response_ids)
    reference = sequence_logps(before, prompt_ids, response_ids)
    return PolicyComparison(
        before=mean_interval(old),
        after=mean_interval(new),
        gain=paired_difference(old, new, seed=seed),
        wins=win_rate(old, new),
        kl=mean_interval([late - early for late, early in zip(policy, reference, strict=True)]),
        deviation=pstdev(old),
        distinct=len({late.text for late in second}) / len(second),
        unfinished=sum(not late.finished for late in second) / len(second),
        samples=samples,
    )


def _one_each(model: Any, tokenizer: Any, prompts: Sequence[str], max_new_tokens: int, seed: int) -> list[Answer]:
    given = answer(model, tokenizer, prompts, max_new_tokens=max_new_tokens, seed=seed)
    return [answers[0] for answers in given]
