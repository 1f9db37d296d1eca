"""Log-probabilities of sampled tokens under policy and reference, and what follows from them for a round."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from penchant.feedback.records import Source
from penchant.forest.batching import plan_batches
from penchant.forest.build import by_prompt
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.likelihood.references import NoReference, Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored
from penchant.online.rollouts import Rollout

__all__ = ["TokenValues", "agreement", "divergences", "of_sequences", "token_values"]

#: Values of the states before the tokens of a view, [B, T].
Critic = Callable[[Scored], Tensor]

# Responses of a round on which generator and trainer are compared.
COMPARED = 8


class TokenValues(NamedTuple):
    """What is known of one response's learned tokens: numbers per token.

    Args:
        policy: log-probabilities under the policy, nats.
        reference: the same under the reference; empty without.
        entropy: of the policy's next-token distribution, nats; empty if not asked for.
        critic: values of the states before the tokens; empty without a critic.
    """

    policy: tuple[float, ...]
    reference: tuple[float, ...] = ()
    entropy: tuple[float, ...] = ()
    critic: tuple[float, ...] = ()


def divergences(
    rollouts: Sequence[Rollout], scorer: Scorer, reference: Reference[Any, Any], precision: str | None = None
) -> list[list[float]]:
    """Σ_t (log π_t − log π_ref,t) of every response, nats: one sample of the divergence from the reference.

    Args:
        rollouts: the samples.
        scorer: the policy.
        reference: the reference.
        precision: number type of the forward pass in training.
    """
    found = token_values(rollouts, scorer, precision, reference)
    return [[sum(own.policy) - sum(own.reference) for own in rows] for rows in found]


def agreement(rollouts: Sequence[Rollout], scorer: Scorer, precision: str | None = None) -> dict[str, float]:
    """Metrics of a few responses of a round: the policy's entropy, and how far generator and trainer differ.

    Args:
        rollouts: the samples of a round, before training on them.
        scorer: the policy.
        precision: number type of the forward pass in training.

    Returns:
        ``sampled/entropy``, mean nats per token; and, where the engine gives log-probabilities, the mean and the
        largest absolute difference between them and those of the trainer.
    """
    chosen = [(each, row) for each in rollouts for row, own in enumerate(each.responses) if own.logps is not None]
    rollouts = [each for each in rollouts if each.tree is None or not each.tree.own_contexts]
    some = chosen or [(each, row) for each in rollouts for row, own in enumerate(each.responses) if own.ids]
    some = [(each, row) for each, row in some if each.responses[row].ids][:COMPARED]
    if not some:
        return {}
    singles = [replace(each, responses=(each.responses[row],)) for each, row in some]
    found = [rows[0] for rows in token_values(singles, scorer, precision, stats=frozenset({"entropy"}))]
    entropies = [value for own in found for value in own.entropy]
    numbers = {"sampled/entropy": sum(entropies) / len(entropies)}
    if not chosen:
        return numbers
    drawn = [value for each in singles for value in _learned(each)]
    apart = [abs(one - other) for one, other in zip(drawn, [v for own in found for v in own.policy], strict=True)]
    return numbers | {"sampled/logp_gap": sum(apart) / len(apart), "sampled/logp_gap_largest": max(apart)}


def _learned(rollout: Rollout) -> list[float]:
    """The engine's log-probabilities of the learned tokens of a rollout's only response."""
    [response] = rollout.responses
    mask = response.learned or (True,) * len(response.ids)
    return [value for value, own in zip(response.logps or (), mask, strict=True) if own]


def token_values(
    rollouts: Sequence[Rollout],
    scorer: Scorer,
    precision: str | None,
    reference: Reference[Any, Any] | None = None,
    stats: frozenset[Any] = frozenset(),
    critic: Critic | None = None,
) -> list[list[TokenValues]]:
    """What is known of the tokens of every response: one pass of the policy over all samples of a prompt together.

    Args:
        rollouts: the samples.
        scorer: the policy.
        precision: number type of the forward pass in training.
        reference: also scores the tokens; None for none.
        stats: ``entropy``, or nothing.
        critic: gives the values of the states before the tokens; None for none.
    """
    sizes = [len(each.prompt_ids) + sum(len(answer.ids) for answer in each.responses) for each in rollouts]
    plan = plan_batches(sizes, tokens_per_batch=scorer.measured_at_once, shuffle=False)
    filled: list[list[TokenValues]] = []
    needs = Needs(reference=reference is not None, stats=stats, hidden=critic is not None)
    for step in plan.steps:
        members = [rollouts[place] for place in step]
        sequences = [each.sequence(place) for each in members for place in range(len(each.responses))]
        rows = iter(of_sequences(scorer, sequences, precision, reference or NoReference(), needs, critic))
        filled += [[next(rows) for _ in each.responses] for each in members]
    return filled


def of_sequences(
    scorer: Scorer,
    sequences: Sequence[TokenSequence],
    precision: str | None,
    reference: Reference[Any, Any],
    needs: Needs,
    critic: Critic | None,
) -> list[TokenValues]:
    """What is known of each response's tokens; responses to the same prompt share its computation.

    Args:
        scorer: the policy.
        sequences: prompts and responses.
        precision: number type of the forward pass in training.
        reference: also scores the tokens, if ``needs`` says so.
        needs: what is asked of both.
        critic: gives the values of the states before the tokens; None for none.
    """
    device = next(scorer.core.parameters()).device
    lowered = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision or "")
    autocast = contextlib.nullcontext() if lowered is None else torch.autocast(device.type, dtype=lowered)
    shared: dict[int, list[int]] = {}
    for row, prompt in enumerate(by_prompt(sequences)):
        shared.setdefault(prompt, []).append(row)
    examples = [Example({"responses": [sequences[row] for row in rows]}, {}, 1.0, Source()) for rows in shared.values()]
    with torch.no_grad(), autocast:
        scored = scorer.score_batch(scorer.collate(examples).to(device), reference, needs)["responses"]
        valued = None if critic is None else critic(scored).float()
    columns = [scored.policy, scored.reference if needs.reference else None]
    columns += [scored.stat("entropy") if needs.stats else None, valued]
    held = [None if each is None else each.cpu() for each in columns]
    order = [row for rows in shared.values() for row in rows]
    found = [
        (row, TokenValues(*(() if each is None else tuple(each[place][mask].tolist()) for each in held)))
        for place, (row, mask) in enumerate(zip(order, scored.mask.cpu(), strict=True))
    ]
    return [values for _row, values in sorted(found, key=lambda each: each[0])]
