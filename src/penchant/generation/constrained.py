"""Log-probabilities under the constraint that a response is an item of a catalogue, and a `LogitsProcessor` of them."""

from __future__ import annotations

from torch import Tensor
from transformers import LogitsProcessor

from penchant.generation.trie import Trie

__all__ = ["PENALTY", "CatalogueProcessor", "constrained_log_probs"]

#: Added to the log-probability of a token that leads to no item, nats.
PENALTY = -1e6


def constrained_log_probs(scores: Tensor, rows: Tensor | slice, tokens: Tensor, *, penalty: float = PENALTY) -> Tensor:
    """Log-probabilities of next tokens, with a penalty on all that are not allowed.

    The softmax is over the whole vocabulary: an item keeps the log-probability that the model gives it. Where nothing
    is allowed, all tokens are penalised alike.

    Args:
        scores: [R, V] logits.
        rows: [E] the row of each allowed token, or a slice of rows that allow the same tokens.
        tokens: [E] the tokens that extend a row's prefix towards an item.
        penalty: nats.

    Returns:
        [R, V], nats.

    Example:
        >>> import torch
        >>> (constrained_log_probs(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([1])) > -1).tolist()
        [[False, True]]

    Reference:
        Tan et al. (2025), Reinforced Preference Optimization for Recommendation, arXiv:2510.12211 (published code).
    """
    logps = scores.log_softmax(-1)
    masked = logps + penalty
    masked[rows, tokens] = logps[rows, tokens]
    return masked


class CatalogueProcessor(LogitsProcessor):
    """Restricts ``generate`` of transformers to the items of a catalogue: greedy, sampling or beam search.

    Every call looks up the prefixes of all rows at once. Use a new object for each call of ``generate``, which ends an
    item at the end token of the catalogue (``eos_token_id``); give ``max_new_tokens`` at least ``trie.longest``.

    Args:
        trie: of the catalogue (`penchant.generation.catalogue.Catalogue`).
        prompt_length: tokens before the response, padding included; None for the length at the first call.
        penalty: added to the log-probability of tokens that lead to no item, nats.

    Example:
        >>> import torch
        >>> processor = CatalogueProcessor(Trie([(1, 0), (2, 0)]))
        >>> (processor(torch.tensor([[7]]), torch.zeros(1, 4)) > -9).tolist()
        [[False, True, True, False]]
        >>> (processor(torch.tensor([[7, 2]]), torch.zeros(1, 4)) > -9).tolist()
        [[True, False, False, False]]
    """

    def __init__(self, trie: Trie, prompt_length: int | None = None, *, penalty: float = PENALTY) -> None:
        self.trie, self.prompt_length, self.penalty = trie, prompt_length, penalty

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """The constrained log-probabilities, [R, V], of tokens that follow ``input_ids`` [R, L]."""
        if self.prompt_length is None:
            self.prompt_length = input_ids.shape[1]
        trie = self.trie.to(input_ids.device)
        rows, tokens = trie.allowed(trie.walk(input_ids[:, self.prompt_length :]))
        return constrained_log_probs(scores, rows, tokens, penalty=self.penalty)
