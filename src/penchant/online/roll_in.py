"""Roll-ins: how many tokens of a given response a sample begins with (DR-PO)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Demonstration, Record, Text
from penchant.generation.engines import Engine
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Response, Sampling

__all__ = ["check_roll_in", "draw_roll_in", "given_response", "roll_in_shares", "rolled_in"]


def roll_in_shares(length: int, share: float) -> list[float]:
    """The probability of each roll-in length from 0 to L − 1.

    P(0) = 1 − share,   P(k) = share / (L − 1) for k = 1 … L − 1;   P(0) = 1 where L < 2

    Args:
        length: L, tokens of the given response.
        share: of the samples that start from a roll-in.

    Example:
        >>> roll_in_shares(3, 0.5)
        [0.5, 0.25, 0.25]

    Reference:
        Chang et al. (2024), Dataset Reset Policy Optimization for RLHF, algorithm 1, as in its published code.
    """
    if length < 2:
        return [1.0] + [0.0] * (length - 1)
    return [1 - share] + [share / (length - 1)] * (length - 1)


def draw_roll_in(length: int, share: float, rng: random.Random) -> int:
    """A roll-in length, drawn by `roll_in_shares`.

    Args:
        length: tokens of the given response.
        share: of the samples that start from a roll-in.
        rng: the source of randomness.

    Example:
        >>> draw_roll_in(1, 1.0, random.Random(0))
        0
    """
    if length < 2 or rng.random() >= share:
        return 0
    return rng.randint(1, length - 1)


def given_response(record: Record) -> Text | None:
    """The response that a record gives: its completion, or the chosen one; None without."""
    if isinstance(record, Comparison):
        return record.chosen
    return record.completion if isinstance(record, Demonstration) else None


def rolled_in(
    engine: Engine, records: Sequence[Record], sampling: Sampling, share: float, *, seed: int
) -> list[list[Response]]:
    """Samples of which a share begins with tokens of the record's own response.

    Args:
        engine: samples in this process.
        records: prompts with responses.
        sampling: number of samples for each, and how to sample; the limit of tokens is that of the policy's own.
        share: of the samples that start from a roll-in.
        seed: of lengths and sampling.
    """
    assert isinstance(engine, InProcessEngine)
    rng = random.Random(seed)
    prompts, begun = [], []
    for record in records:
        said = given_response(record)
        tokens = [] if said is None else list(engine.response_tokens(record.prompt, said).ids)
        for _ in range(sampling.samples):
            prompts.append(record.prompt)
            begun.append(tokens[: draw_roll_in(len(tokens), share, rng)])
    found = engine.continued(prompts, begun, sampling, seed=seed)
    return [found[start : start + sampling.samples] for start in range(0, len(found), sampling.samples)]


def check_roll_in(engine: Engine, records: Sequence[Record]) -> None:
    """Refuse roll-ins that the engine or the records do not allow.

    Args:
        engine: samples the responses.
        records: the prompts.

    Raises:
        ConfigurationError: the engine samples in another process, or by search.
        DataError: a record has no response.
    """
    if not isinstance(engine, InProcessEngine) or not engine.draws:
        raise ConfigurationError(
            f"The engine {engine.id!r} cannot continue a given beginning.",
            where="roll_in",
            fix="Give engine=transformers, or remove roll_in.",
        )
    lacking = next((each for each in records if given_response(each) is None), None)
    if lacking is not None:
        raise DataError(
            f"A roll-in needs a response for each prompt, but this record is a {lacking.kind}.",
            where=str(lacking.source),
            fix="Give demonstrations (prompt and completion) or comparisons, or remove roll_in.",
        )
