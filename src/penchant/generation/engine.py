"""Batched sampling; all samples of a prompt share one prefill, and responses that have ended cost nothing more.

What is guided, streamed, or drawn with further options goes through ``generate`` of transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from penchant.generation.cached_forward import left_padded, selectable
from penchant.generation.drawing import Draw
from penchant.generation.memory import Lead, Memory
from penchant.generation.plain import generating
from penchant.generation.prefix import PrefixCache
from penchant.generation.stopping import StopAtText
from penchant.generation.trace import Trace
from penchant.generation.writing import Likeliest, write_responses
from penchant.likelihood.core import cache_name, cache_of, taken_by

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
    memory: Memory | None = None,
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
        memory: keys and values of what was read before, which grows by what is read and written here.
        stop_strings: texts that end a response as well.
        options: further arguments of ``generate`` of transformers, such as ``repetition_penalty``.
        trace: records log-probabilities of the first responses of the first batch.

    Returns:
        For each prompt, ``samples`` lists of token ids, without the prompt, with the stop token if one was reached.
    """
    results: list[list[list[int]]] = [[] for _ in prompts]
    stopping = partial(StopAtText, stop_strings, _decoder(tokenizer)) if stop_strings else None
    chosen = _choosing(temperature, top_p, options or {}, max_new_tokens, stop_token_ids, streamer, stopping)
    shape: dict[str, Any] = {"samples": samples, "pad": _pad(tokenizer, stop_token_ids)}
    helped = bool(options) or any(each is not None for each in (streamer, guide, prefix, memory))
    write = partial(write_responses, model, ended=_end(stop_token_ids, stopping), limit=max_new_tokens, **shape)
    with generating(model, seed):
        for number, places in enumerate(_by_length(prompts, batch_size // samples)):
            batch, recorder = [prompts[at] for at in places], None if number else trace
            draw = Draw(seed, places, samples, max_new_tokens, temperature, top_p) if temperature > 0 else None
            rows = None if helped else write(prompts=batch, choice=draw or Likeliest(), trace=recorder)
            if rows is None:
                looking = _processors(guide, places, recorder, None if options else draw)
                rows = _known_and_new(model, batch, prefix=prefix, memory=memory, options=chosen | looking, **shape)
            _keep(rows, places, samples, set(stop_token_ids), results, recorder)
    return results


def _keep(
    rows: list[list[int]],
    places: Sequence[int],
    samples: int,
    stops: set[int],
    results: list[list[list[int]]],
    recorder: Trace | None,
) -> None:
    """Add the rows of a batch to the results, up to their ends."""
    for row, tokens in enumerate(rows):
        results[places[row // samples]].append(_until_stop(tokens, stops))
    if recorder is not None:
        recorder.keep(places, samples, rows, results)


def _processors(guide: Guide | None, places: Sequence[int], *last: Any) -> dict[str, list[Any]]:
    """What looks at the logits of a batch in ``generate`` of transformers: the guides, then those of ``last``."""
    guides = guide(places) if guide is not None else []
    return {"logits_processor": [*guides, *(each for each in last if each is not None)]}


def _pad(tokenizer: object, stop_token_ids: Sequence[int]) -> int:
    pad: int | None = getattr(tokenizer, "pad_token_id", None)
    return stop_token_ids[0] if pad is None else pad


def _end(stop_token_ids: Sequence[int], stopping: Callable[[int], StopAtText] | None) -> Callable[[list[int]], bool]:
    """Whether a response is over, given its tokens so far."""
    stops, text = set(stop_token_ids), None if stopping is None else stopping(0)
    return lambda tokens: tokens[-1] in stops or (text is not None and text.ended(tokens))


def _by_length(prompts: Sequence[Sequence[int]], at_once: int) -> Iterator[list[int]]:
    """The places of prompts by length, some at once: batches of similar lengths need less padding."""
    order, size = sorted(range(len(prompts)), key=lambda place: len(prompts[place])), max(1, at_once)
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _choosing(
    temperature: float,
    top_p: float,
    options: Mapping[str, Any],
    limit: int,
    stops: Sequence[int],
    streamer: Any,
    stopping: Callable[[int], StopAtText] | None,
) -> dict[str, Any]:
    """The arguments of ``generate`` of transformers: how a token is chosen, and when a response is over.

    Further options go with its own sampling. Without, `Draw` leaves one token to choose, or the likeliest is taken.
    """
    sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    ends = {"max_new_tokens": limit, "eos_token_id": list(stops), "streamer": streamer, "stopping": stopping}
    return {**(sampling if temperature > 0 and options else {"do_sample": False}), **options, **ends}


def _decoder(tokenizer: Any) -> Callable[[list[int]], str]:
    return partial(tokenizer.decode, clean_up_tokenization_spaces=False)


def _known_and_new(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    *,
    samples: int,
    pad: int,
    prefix: PrefixCache | None,
    memory: Memory | None,
    options: Mapping[str, Any],
) -> list[list[int]]:
    """See `_continue`; what is known of the prompts is not read again, and a memory keeps what is new."""
    known = prefix if memory is None else memory
    lead = None if known is None else known.lead(model, prompts)
    kept = memory is not None and memory.keeps(model)
    rows, mask, cache = _continue(model, pad, prompts, samples, lead, kept, dict(options))
    if memory is not None:
        stops = set(options["eos_token_id"])
        memory.keep(model, prompts, [_until_stop(tokens, stops) for tokens in rows], lead, mask, cache)
    return rows


def _continue(
    model: nn.Module,
    pad: int,
    prompts: Sequence[Sequence[int]],
    samples: int,
    lead: Lead | None,
    kept: bool,
    options: dict[str, Any],
) -> tuple[list[list[int]], torch.Tensor, Any]:
    """``samples`` continuations per prompt, without the prompt; prompts are padded on the left.

    Beside them the mask of the prompts, a row for each continuation, and the cache of keys and values, if it is one
    that was made here: where prompts have several samples, a beginning is known, or it is to be kept.
    """
    device = next(model.parameters()).device
    known = (0,) * len(prompts) if lead is None else lead.lengths
    ids, mask = left_padded([prompt[count:] for prompt, count in zip(prompts, known, strict=True)], pad, device)
    if lead is not None:
        ids, mask = torch.cat([lead.ids, ids], 1), torch.cat([lead.mask, mask], 1)
    shared = _prefill(model, ids, mask, samples, lead) if samples > 1 or lead is not None or kept else {}
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
    rows = [criteria[0].until(row, tokens) for row, tokens in enumerate(found)] if criteria else found
    return rows, mask, next(iter(shared.values()), None)


def _prefill(
    model: nn.Module, ids: torch.Tensor, mask: torch.Tensor, samples: int, lead: Lead | None = None
) -> dict[str, Any]:
    """Keys and values of all but the last token of each prompt, computed once and repeated for every sample.

    Empty if the model does not use a key-value cache; generation then processes the prompt itself. The cache of a
    lead already holds the first tokens.
    """
    if ids.shape[1] < 2 or getattr(model, "_is_stateful", False):
        return {}
    from transformers import DynamicCache

    # Positions count from the first token that is not padding, as in ``generate``.
    cache = DynamicCache(config=model.config) if lead is None else lead.cache  # type: ignore[arg-type]
    start = cache.get_seq_length()
    if start < ids.shape[1] - 1:
        depth = (mask.cumsum(-1) - 1).clamp(min=0)[:, start:-1]
        takes = taken_by(model)
        position = {"position_ids": depth, "logits_to_keep": 1}
        position = {name: value for name, value in position.items() if name in takes}
        output = model(
            input_ids=ids[:, start:-1],
            attention_mask=mask[:, :-1],
            use_cache=True,
            **{cache_name(model): cache},
            **position,
        )
        cache = cache_of(output)
    if not selectable(cache) or cache.get_seq_length() != ids.shape[1] - 1:
        return {}
    cache.batch_repeat_interleave(samples)
    return {cache_name(model): cache}


def _until_stop(tokens: list[int], stops: set[int]) -> list[int]:
    """The tokens up to and including the first stop token."""
    for place, token in enumerate(tokens):
        if token in stops:
            return tokens[: place + 1]
    return tokens
