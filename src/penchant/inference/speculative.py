"""Speculative decoding of combined models: one drafts a few tokens, all verify them in one pass each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.generation.cached_forward import CachedForward
from penchant.generation.responses import Sampling
from penchant.inference.mixtures import nucleus
from penchant.inference.processors import Combine, within_vocabulary

__all__ = ["Reader", "draft_and_verify"]


class Reader:
    """A model that reads one prompt, once for all responses.

    Args:
        model: a causal language model of transformers in evaluation mode.
        prompt: token ids.
    """

    @torch.no_grad()
    def __init__(self, model: Any, prompt: Sequence[int]) -> None:
        self._prompt = CachedForward(model, [list(prompt)])

    def begin(self) -> CachedForward:
        """The model after the prompt, to be advanced."""
        return self._prompt.fork()


@torch.no_grad()
def draft_and_verify(
    own: Reader,
    others: Sequence[Reader],
    combine: Combine,
    *,
    stops: set[int],
    sampling: Sampling,
    draft: int,
    seed: int,
) -> list[int]:
    """A response from the combined distribution π̃, drafted by the first of the other models, q.

    A drafted token v is accepted with probability min(1, π̃(v) / q(v)); the first one that is not is drawn from
    max(0, π̃ − q), renormalised. Every token then has the distribution π̃, temperature and nucleus included.

    Args:
        own: the model that generates.
        others: the models that it is combined with; the first drafts.
        combine: their combination.
        stops: tokens that end a response.
        sampling: length limit, temperature and nucleus.
        draft: tokens drafted at a time.
        seed: of the draws.

    Returns:
        Token ids, with the stop token if one was reached.

    Reference:
        Leviathan, Kalman, Matias (2023), Fast Inference from Transformers via Speculative Decoding, arXiv:2211.17192;
        for emulated fine-tuning section 4.5 of arXiv:2310.12962.
    """
    generator = torch.Generator().manual_seed(seed)
    models = [own.begin(), *(each.begin() for each in others)]
    tokens: list[int] = []
    pending: list[int] = []  # the last token, which no model has read yet
    while len(tokens) < sampling.max_new_tokens:
        count = min(draft, sampling.max_new_tokens - len(tokens))
        drafted, guesses, read = _draft(models[1], pending, count, sampling, generator)
        seen = [_read(each, pending, drafted) if each is not models[1] else read for each in models]
        wanted = _probabilities(combine(*_aligned(seen)), sampling)
        kept, following = _verify(drafted, guesses, wanted, generator)
        ended = next((place for place, token in enumerate([*drafted[:kept], following]) if token in stops), None)
        tokens += [*drafted[:kept], following][: None if ended is None else ended + 1]
        if ended is not None:
            break
        for each in models:
            each.rewind(len(drafted) - kept)
        pending = [following]
    return tokens[: sampling.max_new_tokens]


def _read(model: CachedForward, pending: list[int], drafted: list[int]) -> Tensor:
    """The logits before each drafted token and after the last, in one forward pass, [1 + drafted, V]."""
    before = model.logits
    found = model.advance(torch.tensor([[*pending, *drafted]], device=model.ids.device))[0]
    return found if pending else torch.cat([before, found])


def _aligned(seen: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    own, others = within_vocabulary(seen[0].float().cpu(), [each.cpu() for each in seen[1:]])
    return own, others


def _draft(
    model: CachedForward, pending: list[int], count: int, sampling: Sampling, generator: torch.Generator
) -> tuple[list[int], list[Tensor], Tensor]:
    """Tokens of the drafting model, the probabilities that they were drawn from, and its logits as those of `_read`."""
    drafted: list[int] = []
    guesses, logits = [], []
    for _ in range(count + 1):
        last = pending if not drafted else drafted[-1:]
        logits.append(model.advance(torch.tensor(last, device=model.ids.device)) if last else model.logits)
        if len(drafted) < count:
            guesses.append(_probabilities(logits[-1][0].float().cpu(), sampling))
            drafted.append(_drawn(guesses[-1], generator))
    return drafted, guesses, torch.cat(logits)


def _verify(drafted: list[int], guesses: list[Tensor], wanted: Tensor, generator: torch.Generator) -> tuple[int, int]:
    """How many of the drafted tokens are accepted, and the token that follows them."""
    for place, (token, guess) in enumerate(zip(drafted, guesses, strict=True)):
        target = wanted[place]
        size = min(len(target), len(guess))
        chance = float(target[token] / guess[token]) if token < size else 0.0
        if torch.rand((), generator=generator).item() >= chance:
            rest = (target[:size] - guess[:size]).clamp(min=0)
            return place, _drawn(rest if rest.sum() > 0 else target, generator)
    return len(drafted), _drawn(wanted[-1], generator)


def _probabilities(logits: Tensor, sampling: Sampling) -> Tensor:
    """The distribution that transformers samples from: temperature, then the nucleus; greedy for temperature 0."""
    if sampling.temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
    warm = logits / sampling.temperature
    if sampling.top_p < 1:
        warm = warm.masked_fill(~nucleus(warm, sampling.top_p), -torch.inf)
    return warm.softmax(-1)


def _drawn(weights: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(weights, 1, generator=generator))
