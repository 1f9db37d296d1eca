"""Batched sampling with transformers' ``generate``; all samples of a prompt share one prefill."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import GenerationConfig

from penchant.generation.cached_forward import left_padded
from penchant.generation.prefix import PrefixCache
from penchant.generation.stopping import StopAtText
from penchant.generation.trace import Trace
from penchant.likelihood.core import core_model

__all__ = ["Guide", "generate"]

#: From the places of the prompts of a batch to the `LogitsProcessor` objects that guide it.
Guide = Callable[[Sequence[int]], Sequence[Any]]


def generate(
    model: nn.Module,
    tokenizer: object,
    prompts: Sequence[Sequence[int]],
    *,
    samples: int = 1,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    stop_token_ids: Sequence[int],
    seed: int = 0,
    batch_size: int = 64,
    streamer: Any = None,
    guide: Guide | None = None,
    prefix: PrefixCache | None = None,
    stop_strings: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    trace: Trace | None = None,
) -> list[list[list[int]]]:
    """Sample responses to prompts.

    Args:
        model: a causal language model of transformers.
        tokenizer: the model's tokenizer (for the padding token).
        prompts: P prompts as token ids, none empty.
        samples: responses per prompt.
        max_new_tokens: maximum number of tokens per response.
        temperature: sampling temperature; 0 means greedy decoding.
        top_p: probability mass of nucleus sampling, in (0, 1].
        stop_token_ids: tokens that end a response.
        seed: seed of the sampling; the global random state is restored afterwards.
        batch_size: sequences generated at once.
        streamer: for one prompt and one sample: a streamer of transformers, which receives every token at once.
        guide: from the places of a batch's prompts to its logits processors; temperature and ``top_p`` come after.
        prefix: keys and values of tokens with which all prompts begin.
        stop_strings: texts that end a response as well.
        options: further arguments of ``generate`` of transformers, such as ``repetition_penalty``.
        trace: records log-probabilities of the first responses of the first batch.

    Returns:
        For each prompt, ``samples`` lists of token ids, without the prompt, with the stop token if one was reached.
    """
    results: list[list[list[int]]] = [[] for _ in prompts]
    # Batches of prompts with similar lengths need less padding; results are returned in the order of the prompts.
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    per_batch = max(1, batch_size // samples)
    stopping = partial(StopAtText, stop_strings, _decoder(tokenizer)) if stop_strings else None
    chosen = _drawing(temperature, top_p, options or {}) | {"streamer": streamer, "stopping": stopping}
    chosen |= {"max_new_tokens": max_new_tokens, "eos_token_id": list(stop_token_ids)}
    with _generating(model, seed):
        for start in range(0, len(order), per_batch):
            places = order[start : start + per_batch]
            recording = [trace] if trace is not None and not start else []
            guided = {"logits_processor": [*(guide(places) if guide is not None else []), *recording]}
            rows = _continue(model, tokenizer, [prompts[place] for place in places], samples, prefix, chosen | guided)
            for row, tokens in enumerate(rows):
                results[places[row // samples]].append(_until_stop(tokens, set(stop_token_ids)))
            for each in recording:
                each.keep(places, samples, rows, results)
    return results


def _drawing(temperature: float, top_p: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``generate`` that say how a token is chosen."""
    sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    return {**(sampling if temperature > 0 else {"do_sample": False}), **options}


def _decoder(tokenizer: Any) -> Callable[[list[int]], str]:
    return partial(tokenizer.decode, clean_up_tokenization_spaces=False)


@contextlib.contextmanager
def _generating(model: nn.Module, seed: int) -> Iterator[None]:
    """Evaluation mode, no gradients, seeded random numbers, and no settings but those that are given.

    The former state is restored at the end.
    """
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    forked = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
    with _plain_settings(core_model(model)), forked, torch.no_grad():
        torch.manual_seed(seed)
        yield
    model.train(was_training)


@contextlib.contextmanager
def _plain_settings(core: Any) -> Iterator[None]:
    """Without the model's own generation settings, of which ``generate`` takes all that are not given to it."""
    own = getattr(core, "generation_config", None)
    if own is None:
        yield
        return
    core.generation_config = GenerationConfig(bos_token_id=own.bos_token_id)
    try:
        yield
    finally:
        core.generation_config = own


def _continue(
    model: nn.Module,
    tokenizer: object,
    prompts: Sequence[Sequence[int]],
    samples: int,
    prefix: PrefixCache | None,
    options: dict[str, Any],
) -> list[list[int]]:
    """``samples`` continuations per prompt, without the prompt; prompts are padded on the left."""
    device = next(model.parameters()).device
    pad = getattr(tokenizer, "pad_token_id", None)
    pad = options["eos_token_id"][0] if pad is None else pad
    start = 0 if prefix is None else prefix.length_in(prompts)
    ids, mask = left_padded([prompt[start:] for prompt in prompts], pad, device)
    if start and prefix is not None:
        ids, mask = prefix.before(ids, mask)
        shared = _prefill(model, ids, mask, samples, prefix.repeated(len(prompts)))
    else:
        shared = _prefill(model, ids, mask, samples) if samples > 1 else {}
    ids, mask = ids.repeat_interleave(samples, 0), mask.repeat_interleave(samples, 0)
    make = options.pop("stopping", None)
    criteria = [] if make is None else [make(ids.shape[1])]
    output = model.generate(  # type: ignore[operator]
        input_ids=ids,
        attention_mask=mask,
        pad_token_id=pad,
        use_cache=True,
        stopping_criteria=criteria,
        **shared,
        **options,
    )
    found = output[:, ids.shape[1] :].tolist()
    return [criteria[0].until(row, tokens) for row, tokens in enumerate(found)] if criteria else found


def _prefill(
    model: nn.Module, ids: torch.Tensor, mask: torch.Tensor, samples: int, known: Any = None
) -> dict[str, Any]:
    """Keys and values of all but the last token of each prompt, computed once and repeated for every sample.

    Empty if the model does not use a key-value cache; generation then processes the prompt itself. A cache that is
    known already holds the first tokens.
    """
    if ids.shape[1] < 2 or getattr(model, "_is_stateful", False):
        return {}
    from transformers import DynamicCache

    # Positions count from the first token that is not padding, as in ``generate``.
    cache = DynamicCache(config=model.config) if known is None else known  # type: ignore[arg-type]
    start = cache.get_seq_length()
    if start < ids.shape[1] - 1:
        depth = (mask.cumsum(-1) - 1).clamp(min=0)[:, start:-1]
        takes = inspect.signature(model.forward).parameters
        position = {"position_ids": depth, "logits_to_keep": 1}
        position = {name: value for name, value in position.items() if name in takes}
        output = model(
            input_ids=ids[:, start:-1], attention_mask=mask[:, :-1], past_key_values=cache, use_cache=True, **position
        )
        cache = getattr(output, "past_key_values", None)
    if not isinstance(cache, DynamicCache) or cache.get_seq_length() != ids.shape[1] - 1:
        return {}
    cache.batch_repeat_interleave(samples)
    return {"past_key_values": cache}


def _until_stop(tokens: list[int], stops: set[int]) -> list[int]:
    """The tokens up to and including the first stop token."""
    for place, token in enumerate(tokens):
        if token in stops:
            return tokens[: place + 1]
    return tokens
