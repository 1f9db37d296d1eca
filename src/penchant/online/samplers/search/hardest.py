"""The hardest prompts of a round: those whose given response surprises the policy most."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, as_text
from penchant.generation.engines import Engine
from penchant.generation.responses import Response
from penchant.online.roll_in import given_response
from penchant.online.rollouts import Rollout
from penchant.online.token_logps import token_values

__all__ = ["Difficulty", "hardest", "perplexities"]

#: From records to the perplexity of each one's own response.
Difficulty = Callable[[Sequence[Record]], list[float]]


def perplexities(records: Sequence[Record], engine: Engine, scorer: Any, precision: str | None) -> list[float]:
    """exp(−mean log π) of each record's own response under the policy, at least 1.

    Args:
        records: demonstrations, or comparisons whose chosen response is meant.
        engine: renders them.
        scorer: the policy.
        precision: number type of the forward pass in training.
    """
    asked = []
    for record in records:
        said = given_response(record)
        assert said is not None
        shown = engine.response_tokens(record.prompt, said)
        answer = Response(as_text(said), tuple(shown.ids), True, shown.learned)
        ids = tuple(engine.prompt_ids(record.prompt))
        asked.append(Rollout(record.source, record.prompt, ids, (answer,), (math.nan,)))
    found = token_values(asked, scorer, precision)
    return [math.exp(-sum(own.policy) / len(own.policy)) for [own] in found]


def hardest(records: Sequence[Record], share: float, apart: str, difficulty: Difficulty) -> list[Record]:
    """The share of the records with the highest perplexity, in their order.

    Records whose own response has the text ``apart`` and those whose response does not are selected separately, so that
    neither kind drives out the other; of n records of a kind ⌊share · n⌋ are kept.

    Args:
        records: with responses.
        share: to keep, in (0, 1]; 1 keeps all, and asks for no perplexity.
        apart: a text, such as the bracket of a call; empty for one kind.
        difficulty: their perplexities.

    Raises:
        ConfigurationError: nothing is left.

    Example:
        >>> from penchant.feedback.records import Demonstration
        >>> rows = [Demonstration(prompt="p", completion=each) for each in ("f(1)", "no", "f(2)", "f(3)", "never")]
        >>> kept = hardest(rows, 0.5, "(", lambda some: [1.0, 5.0, 3.0, 2.0, 4.0])
        >>> [each.completion for each in kept]
        ['no', 'f(2)']
    """
    if share >= 1:
        return list(records)
    measured = difficulty(records)
    kinds: dict[bool, list[int]] = {}
    for place, record in enumerate(records):
        kinds.setdefault(bool(apart) and apart in as_text(given_response(record) or ""), []).append(place)
    kept: list[int] = []
    for places in kinds.values():
        # The product may be a little below the whole number that it is on paper.
        count = math.floor(share * len(places) + 1e-9)
        kept += sorted(places, key=lambda place: -measured[place])[:count]
    if not kept:
        raise ConfigurationError(
            f"Of {len(records)} prompts a share of {share} are none.",
            where="sampler.hardest",
            fix="Give more prompts a round (prompts_per_iteration), or a larger share.",
        )
    return [records[place] for place in sorted(kept)]
