"""What two policies answer to the same prompts, and how they differ in a known reward."""

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
    """A sampled response: its text, its tokens (the end token included), and whether it ended by itself."""

    text: str
    ids: tuple[int, ...]
    finished: bool


def answer(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, samples: int = 1, max_new_tokens: int, seed: int
) -> list[list[Answer]]:
    """Responses of a model at temperature 1, which is the distribution that its log-probabilities describe.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        prompts: P prompts as text.
        samples: responses per prompt.
        max_new_tokens: a response without an end token by then counts as unfinished.
        seed: of the sampling.

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
    """Two policies on the same prompts, one response each.

    Args:
        before, after: mean true reward with its 95 % interval.
        gain: mean of reward after − reward before, paired by prompt, with its bootstrap interval.
        wins: how often the later response has the higher reward, a tie counting half, with its Wilson interval.
        kl: KL(after ‖ before) in nats per response, with its interval.
        deviation: standard deviation of the reward before: the unit in which a gain is large or small.
        distinct: share of different responses after; 1 / number of prompts for a policy that says one thing only.
        unfinished: share of responses after that never ended.
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
    """Sample one response per prompt from either policy and compare their true rewards.

    KL(after ‖ before) = E over y ~ after of (log π_after(y|x) − log π_before(y|x)), estimated on the sampled responses;
    the estimate is unbiased where every response ends by itself.

    Args:
        before, after: causal language models with the same tokenizer; ``before`` is the reference.
        tokenizer: their tokenizer.
        prompts: two or more held-out prompts.
        reward: ``reward(prompt, response) -> float``, the truth.
        max_new_tokens: longest response.
        seed: of the sampling; each policy draws with a seed of its own.

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
