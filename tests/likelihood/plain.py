"""Plain evaluation of log-probabilities: one sequence at a time, all logits, no sharing."""

from __future__ import annotations

import torch

from penchant.forest import TokenSequence


def plain_logps(model: torch.nn.Module, sequence: TokenSequence) -> torch.Tensor:
    """Log-probabilities [T] of the learned tokens of one response."""
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    logits = model(input_ids=ids, use_cache=False).logits[0].float()
    start = len(sequence.prompt)
    log_probs = torch.log_softmax(logits[start - 1 : -1], dim=-1)
    return log_probs.gather(-1, ids[0, start:, None]).squeeze(-1)[sequence.learned_places]
