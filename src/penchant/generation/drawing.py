"""`Draw`: the next token of every row by one random number, instead of one for each token of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessor

from penchant.errors import ModelError

__all__ = ["Draw", "draw_tokens", "nucleus"]

# The mass of blocks of tokens is summed first; only the block that holds the random number is looked at by token.
_BLOCK = 256


def draw_tokens(chances: Tensor, points: Tensor) -> Tensor:
    """The tokens at which the cumulative mass passes given shares of the whole.

    Sums are taken in float64, so that tokens of any mass that float32 can tell from 0 are drawn as often as they are
    likely.

    Args:
        chances: [R, V] at least 0; they need not sum to 1.
        points: [R] in [0, 1), such as uniform random numbers.

    Returns:
        [R] token ids, each of a positive mass.

    Raises:
        ModelError: a row's mass is not finite, or 0: the logits were not numbers.

    Example:
        >>> draw_tokens(torch.tensor([[0.2, 0.0, 0.3, 0.5]]).repeat(3, 1), torch.tensor([0.1, 0.2, 0.99])).tolist()
        [0, 2, 3]
    """
    rows = torch.arange(len(chances), device=chances.device)
    blocks = torch.nn.functional.pad(chances, (0, -chances.shape[-1] % _BLOCK)).unflatten(-1, (-1, _BLOCK))
    mass = blocks.sum(-1, dtype=torch.float64).cumsum(-1)
    if not bool((mass[:, -1].isfinite() & (mass[:, -1] > 0)).all()):
        raise ModelError(
            "The model's logits are not numbers (NaN or infinite), so no token can be drawn from them.",
            fix="Look for NaN in its weights, or use a wider number type.",
        )
    block, rest = _passed(mass, points.to(mass) * mass[:, -1])
    token, _rest = _passed(blocks[rows, block].double().cumsum(-1), rest)
    return block * _BLOCK + token


def _passed(mass: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Where cumulative mass [R, N] first passes points [R], and what is left of the points there."""
    # Rounding may bring a point to the end; the last place with any mass is meant.
    points = torch.minimum(points, mass[:, -1].nextafter(torch.zeros_like(points)))
    place = torch.searchsorted(mass, points.unsqueeze(1), right=True)
    before = mass.gather(1, (place - 1).clamp(min=0)).masked_fill(place == 0, 0.0)
    return place.squeeze(1), (points - before.squeeze(1)).clamp(min=0)


def nucleus(chances: Tensor, mass: float) -> Tensor:
    """The likeliest tokens that together have a probability of at least ``mass``; all others 0.

    Args:
        chances: [..., V] probabilities.
        mass: in (0, 1]; 1 keeps all.

    Example:
        >>> nucleus(torch.tensor([0.5, 0.3, 0.2]), 0.6)
        tensor([0.5000, 0.3000, 0.0000])
    """
    if mass >= 1:
        return chances
    ordered, order = chances.sort(-1, descending=True)
    outside = ordered.cumsum(-1) - ordered >= mass
    return chances.masked_fill(torch.zeros_like(outside).scatter(-1, order, outside), 0.0)


class Draw(LogitsProcessor):
    """Draws the next token of every row and leaves it as the only possible one, for greedy ``generate``.

    Sampling by ``generate`` itself takes a random number for each token of the vocabulary; this takes one for each row.
    The numbers of a row follow from the seed, the place of its prompt and its sample, so that the batch in which a
    prompt stands changes nothing.

    Args:
        seed: of the call.
        places: of the batch's prompts in the call; each has ``samples`` rows, one after the other.
        samples: rows of a prompt.
        tokens: steps at most.
        temperature: divides the logits, above 0.
        top_p: probability mass to draw from, in (0, 1].

    Example:
        >>> draw = Draw(0, [0], samples=1, tokens=1, temperature=1.0, top_p=1.0)
        >>> draw(torch.tensor([[5]]), torch.tensor([[-100.0, 3.0, -100.0]])).tolist()
        [[-inf, 0.0, -inf]]
    """

    def __init__(
        self, seed: int, places: Sequence[int], samples: int, tokens: int, temperature: float, top_p: float
    ) -> None:
        numbers = [np.random.default_rng([seed % 2**63, place]).random((samples, tokens)) for place in places]
        self.points = torch.from_numpy(np.concatenate(numbers))
        self.temperature, self.top_p, self.step = temperature, top_p, 0

    def tokens(self, scores: Tensor, rows: Sequence[int]) -> Tensor:
        """The next tokens [A] for scores [A, V] of the rows with these numbers; a step of the whole batch."""
        chances = (scores.float() / self.temperature).softmax(-1)
        points = self.points[list(rows), self.step].to(scores.device)
        self.step += 1
        return draw_tokens(nucleus(chances, self.top_p), points)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """[R, V] with 0 for the token that is drawn and −∞ for all others."""
        drawn = self.tokens(scores, range(len(scores)))
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn.unsqueeze(1), 0.0)
