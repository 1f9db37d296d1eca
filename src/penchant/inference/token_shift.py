"""Token shifts: how far a base model is from each token that a tuned model writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from penchant.errors import DataError
from penchant.generation.cached_forward import CachedForward
from penchant.generation.engine import generate
from penchant.inference.companions import Companion
from penchant.rendering.pieces import pieces

__all__ = ["MARGINAL", "TokenShifts", "ranks_and_kl", "token_shifts"]

#: The base model's rank up to which a token counts as marginal; rank 1 is unshifted.
MARGINAL = 3


@dataclass
class TokenShifts:
    """Ranks of a tuned model's greedy tokens under its base model, by position.

    Args:
        ranks: for each response the rank of each token, from 1.
        divergences: for each response KL(tuned ‖ base) at each position, nats.
        tokens: for each response its tokens as texts.
    """

    ranks: list[list[int]] = field(default_factory=list)
    divergences: list[list[float]] = field(default_factory=list)
    tokens: list[list[str]] = field(default_factory=list)

    def shares(self) -> dict[str, float]:
        """Shares of all tokens: ``unshifted`` (rank 1), ``marginal`` (2 to 3) and ``shifted`` (above); they sum to 1.

        Raises:
            DataError: there is no token.
        """
        found = [rank for row in self.ranks for rank in row]
        if not found:
            raise DataError("The tuned model wrote no token.", fix="Give prompts, and max_new_tokens of at least 1.")
        kinds = Counter("unshifted" if r == 1 else "marginal" if r <= MARGINAL else "shifted" for r in found)
        return {kind: kinds[kind] / len(found) for kind in ("unshifted", "marginal", "shifted")}

    def by_position(self) -> list[tuple[int, float, float, int]]:
        """For each position from 0: (position, share of shifted tokens, mean KL in nats, number of tokens)."""
        longest = max(map(len, self.ranks), default=0)
        rows = []
        for at in range(longest):
            ranks = [row[at] for row in self.ranks if len(row) > at]
            kl = [row[at] for row in self.divergences if len(row) > at]
            rows.append((at, sum(r > MARGINAL for r in ranks) / len(ranks), sum(kl) / len(kl), len(ranks)))
        return rows

    def most_shifted(self, count: int = 20) -> list[tuple[str, int, int]]:
        """The tokens that are shifted most often: (text, times shifted, times written), most often first."""
        pairs = [pair for row in zip(self.tokens, self.ranks, strict=True) for pair in zip(*row, strict=True)]
        shifted, written = Counter(t for t, rank in pairs if rank > MARGINAL), Counter(t for t, _ in pairs)
        return [(token, times, written[token]) for token, times in shifted.most_common(count)]

    def mean_kl(self) -> float:
        """The mean of KL(tuned ‖ base) over all positions, nats."""
        found = [each for row in self.divergences for each in row]
        return sum(found) / len(found)


def ranks_and_kl(tuned: Tensor, base: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The base model's rank of each token, from 1 (equal ones do not count), and KL(tuned ‖ base) in nats.

    Args:
        tuned: [T, V] logits of the tuned model before each token.
        base: [T, V] those of the base model.
        tokens: [T].

    Example:
        >>> ranks, kl = ranks_and_kl(torch.zeros(1, 3), torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([1]))
        >>> ranks.tolist(), round(kl.item(), 4)
        ([2], 0.309)
    """
    size = min(tuned.shape[-1], base.shape[-1])
    tuned, base = tuned[:, :size].double().log_softmax(-1), base[:, :size].double().log_softmax(-1)
    own = base.gather(-1, tokens[:, None])
    return (base > own).sum(-1) + 1, (tuned.exp() * (tuned - base)).sum(-1)


@torch.no_grad()
def token_shifts(
    tuned: Companion,
    base: Companion,
    prompts: Sequence[Any],
    *,
    max_new_tokens: int = 128,
    longest_prompt: int | None = None,
    batch_size: int = 16,
) -> TokenShifts:
    """Generate greedily with the tuned model, and look up each of its tokens in the base model at the same context.

    Args:
        tuned: writes; both read the context as it receives it.
        base: is asked.
        prompts: texts or messages.
        max_new_tokens: maximum tokens of a response.
        longest_prompt: tokens of a prompt that are kept, on the right; None for all.
        batch_size: responses at once.

    Returns:
        The shifts; the same model twice gives rank 1 and KL 0 everywhere.

    Reference:
        Lin et al. (2024), The Unlocking Spell on Base LLMs, arXiv:2312.01552, section 2.
    """
    renderer, found = tuned.renderer, TokenShifts()
    asked = [tuned.prompt_ids(prompt, longest_prompt) for prompt in prompts]
    written = generate(
        tuned.model,
        renderer.tokenizer,
        asked,
        max_new_tokens=max_new_tokens,
        temperature=0.0,
        stop_token_ids=renderer.stop_token_ids,
        batch_size=batch_size,
    )
    for start in range(0, len(asked), batch_size):
        responses = [each[0] for each in written[start : start + batch_size]]
        rows = [prompt + each for prompt, each in zip(asked[start : start + batch_size], responses, strict=True)]
        longest = max(map(len, responses), default=0)
        logits = [_logits(each.model, rows, longest) for each in (tuned, base)]
        for row, tokens in enumerate(responses):
            part = slice(longest - len(tokens), longest)
            ranks, kl = ranks_and_kl(logits[0][row, part], logits[1][row, part], torch.tensor(tokens, dtype=torch.long))
            found.ranks.append(ranks.tolist())
            found.divergences.append(kl.tolist())
            found.tokens.append(pieces(renderer, tokens, asked[start + row][-1]))
    return found


def _logits(model: Any, rows: list[list[int]], last: int) -> Tensor:
    """The logits before the ``last`` tokens of each row, [R, last, V], on the CPU."""
    return CachedForward(model, rows, cached=False, last=last + 1).tail[:, :-1].float().cpu()
