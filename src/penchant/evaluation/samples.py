"""Sampled responses to a few prompts, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from penchant.feedback.records import Record, Text
from penchant.generation.engine import generate
from penchant.rendering.renderer import Renderer

__all__ = ["Samples", "repetition", "sample_prompts", "take_samples"]


@dataclass(frozen=True)
class Samples:
    """Responses to the sample prompts.

    Args:
        texts: the responses.
        lengths: their lengths in tokens.
        ended: whether each reached an end token.
        repeated: for each, the share of its four-token sequences that occurred before in it, in [0, 1].
    """

    texts: list[str]
    lengths: list[int]
    ended: list[bool]
    repeated: list[float] = field(default_factory=list)

    @property
    def mean_length(self) -> float:
        """Mean number of tokens, 0 without samples."""
        return sum(self.lengths) / len(self.lengths) if self.lengths else 0.0

    @property
    def metrics(self) -> dict[str, float]:
        """``samples/length`` (tokens), ``samples/ended`` (share that reached an end token) and ``samples/repeated``."""
        if not self.lengths:
            return {}
        found = {"samples/length": self.mean_length, "samples/ended": sum(self.ended) / len(self.ended)}
        return found | ({"samples/repeated": sum(self.repeated) / len(self.repeated)} if self.repeated else {})


def sample_prompts(records: Sequence[Record], count: int) -> list[Text]:
    """The first ``count`` distinct prompts."""
    distinct: dict[str, Text] = {}
    for record in records:
        if len(distinct) == count:
            break
        distinct.setdefault(repr(record.prompt), record.prompt)
    return list(distinct.values())


def take_samples(
    model: nn.Module,
    renderer: Renderer,
    prompts: Sequence[Text],
    *,
    max_new_tokens: int,
    max_length: int | None,
    seed: int = 0,
    temperature: float = 0.7,
) -> Samples:
    """Generate one response to each prompt.

    Args:
        model: the causal language model.
        renderer: the run's renderer.
        prompts: texts or messages.
        max_new_tokens: maximum tokens of a response.
        max_length: the model's context; prompts are cut on the left to leave room.
        seed: the same before and after training, so that only the model differs.
        temperature: of sampling.
    """
    if not prompts:
        return Samples([], [], [])
    room = None if max_length is None else max(1, max_length - max_new_tokens)
    ids = [renderer.prompt_ids(prompt) for prompt in prompts]
    responses = generate(
        model,
        renderer.tokenizer,
        [each if room is None else each[-room:] for each in ids],
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        stop_token_ids=renderer.stop_token_ids,
        seed=seed,
    )
    flat = [several[0] for several in responses]
    ends = set(renderer.stop_token_ids)
    return Samples(
        texts=[renderer.decode(each, skip_special_tokens=True) for each in flat],
        lengths=[len(each) for each in flat],
        ended=[bool(each) and each[-1] in ends for each in flat],
        repeated=[repetition(each) for each in flat],
    )


def repetition(tokens: Sequence[int], size: int = 4) -> float:
    """Share of the sequences of ``size`` tokens that occurred before, in [0, 1]; 0 for a shorter text.

    Args:
        tokens: the token ids of a response.
        size: length of the sequences.

    Example:
        >>> repetition([1, 2, 3, 4, 5, 6]), repetition([1, 2] * 6)
        (0.0, 0.7777777777777778)
    """
    runs = [tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1)]
    return 1.0 - len(set(runs)) / len(runs) if runs else 0.0
