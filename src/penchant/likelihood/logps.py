"""Log-probabilities of token sequences, computed as a forest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from penchant.forest.batching import plan_batches
from penchant.forest.build import build_forest, by_prompt
from penchant.forest.layout import TokenSequence
from penchant.likelihood.core import device_of
from penchant.likelihood.forest_scorer import ForestScorer, scorer_of

__all__ = ["response_logps", "sequence_logps", "token_logps"]


def token_logps(
    scorer: ForestScorer, sequences: Sequence[TokenSequence], groups: Sequence[int] | None = None
) -> Tensor:
    """[R, T] log-probabilities in nats of the learned tokens of R responses, in one forward pass, padded with 0.

    Args:
        scorer: the model; the result has a graph if gradients are enabled.
        sequences: R prompts with their responses.
        groups: [R] group of each sequence (see `penchant.forest.build.build_forest`); sequences with equal prompts by
            default.
    """
    forest = build_forest(sequences, by_prompt(sequences) if groups is None else groups)
    forest = forest.to(device_of(scorer.core))
    return forest.per_response(scorer.score(forest)["logps"])


def response_logps(
    scorer: ForestScorer, sequences: Sequence[TokenSequence], groups: Sequence[int] | None = None
) -> list[Tensor]:
    """For each response, the log-probabilities of its learned tokens, [T_r] nats, on the CPU and without gradient."""
    with torch.no_grad():
        rows = token_logps(scorer, sequences, groups).cpu()
    return [row[: sequence.length] for row, sequence in zip(rows, sequences, strict=True)]


def sequence_logps(
    model: nn.Module | ForestScorer,
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    *,
    batch_size: int = 64,
) -> list[float]:
    """Log-probability of each response given its prompt, summed over its tokens, nats.

    Args:
        model: a causal language model, or a scorer of one.
        prompts: R prompts as token ids, none empty.
        responses: R responses as token ids.
        batch_size: responses per forward pass.

    Returns:
        R numbers, in order.
    """
    if not prompts and not responses:
        return []
    sequences = [TokenSequence(prompt, response) for prompt, response in zip(prompts, responses, strict=True)]
    totals = [0.0] * len(sequences)
    plan = plan_batches([1] * len(sequences), batch_size=batch_size, shuffle=False)
    with scorer_of(model) as scorer, torch.no_grad():
        for step in plan.steps:
            rows = token_logps(scorer, [sequences[row] for row in step])
            for row, total in zip(step, rows.double().sum(-1).tolist(), strict=True):
                totals[row] = total
    return totals
