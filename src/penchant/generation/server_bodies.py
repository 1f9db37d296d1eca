"""Requests for samples in the forms of OpenAI's completions and of SGLang's ``/generate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penchant.generation.responses import Sampling

__all__ = ["STATED", "completions_body", "generate_body"]

#: What would make the distribution another one, each at the value that changes nothing. A server takes what a request
#: leaves out from the model's ``generation_config.json`` (vLLM) or from defaults of its own (llama.cpp).
STATED: dict[str, float] = {
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}


def completions_body(
    model: str, prompt: str | list[int], sampling: Sampling, seed: int, ends: Sequence[int] | None = None
) -> dict[str, Any]:
    """A request to ``/v1/completions``.

    Args:
        model: its name on the server.
        prompt: a text or token ids.
        sampling: number, limits and distribution of the samples.
        seed: of the request.
        ends: the tokens at which a response ends. With them, token ids and log-probabilities are asked for as vLLM and
            SGLang name them, and the settings of `STATED` are sent; None leaves out what is not of OpenAI's interface.

    Example:
        >>> sorted(completions_body("m", "a", Sampling(), 0))
        ['max_tokens', 'model', 'n', 'prompt', 'seed', 'temperature', 'top_p']
        >>> completions_body("m", "a", Sampling(), 0, [2])["top_k"]
        -1
    """
    further: dict[str, Any] = {"stop": list(sampling.stop)} if sampling.stop else {}
    if ends is not None:
        asked = {"logprobs": 1, "return_token_ids": True, "return_tokens_as_token_ids": True}
        further |= asked | STATED | {"stop_token_ids": list(ends)}
    return further | {
        "model": model,
        "prompt": prompt,
        "n": sampling.samples,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": seed,
    }


def generate_body(prompt: Sequence[int], sampling: Sampling, ends: Sequence[int]) -> dict[str, Any]:
    """A request to SGLang's ``/generate``, without a seed, which not all of its versions take.

    Args:
        prompt: token ids.
        sampling: number, limits and distribution of the samples.
        ends: the tokens at which a response ends.

    Example:
        >>> found = generate_body([5], Sampling(samples=3), [2])
        >>> found["return_logprob"], found["sampling_params"]["n"]
        (True, 3)
    """
    asked = {
        "n": sampling.samples,
        "max_new_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop),
        "stop_token_ids": list(ends),
    }
    return {"input_ids": list(prompt), "sampling_params": asked | STATED, "return_logprob": True}
