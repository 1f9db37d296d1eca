"""Lists whose scores are spoiled in three ways."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.examples import Examples

__all__ = ["NOISE_KINDS", "noisy_lists"]


def _gaussian(scores: Tensor, generator: torch.Generator) -> Tensor:
    return scores + torch.randn(scores.shape, generator=generator, dtype=scores.dtype)


def _heavy_tailed(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Errors of a Cauchy distribution of scale ½."""
    turn = torch.rand(scores.shape, generator=generator, dtype=scores.dtype)
    return scores + 0.5 * torch.tan(math.pi * (turn - 0.5))


def _reversed(scores: Tensor, generator: torch.Generator) -> Tensor:
    """A fifth of the lists reversed."""
    turned = torch.rand(len(scores), 1, generator=generator) < 0.2
    return torch.where(turned, -scores, scores)


_SPOIL: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "gaussian": _gaussian,
    "heavy-tailed": _heavy_tailed,
    "reversed": _reversed,
}
#: The ways in which scores are spoiled.
NOISE_KINDS = tuple(_SPOIL)


def noisy_lists(lists: Examples, seed: int) -> dict[str, Examples]:
    """The same lists with scores that are wrong in each of three ways.

    ``gaussian`` adds errors of standard deviation 1, ``heavy-tailed`` errors of a Cauchy distribution of scale ½, and
    ``reversed`` turns the scores of a fifth of the lists around.

    Args:
        lists: of `sample_lists`, all of one size.
        seed: of the errors.

    Returns:
        The lists by the kind of noise. Only the field ``scores`` differs.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world, sample_lists
        >>> lists = sample_lists(build_world(Dials(), seed=0), seed=0, count=5)
        >>> sorted(noisy_lists(lists, seed=0))
        ['gaussian', 'heavy-tailed', 'reversed']
    """
    scores = lists.fields["scores"].view(len(lists), -1)
    return {
        kind: lists.with_fields(scores=spoil(scores, torch.Generator().manual_seed(seed)).flatten())
        for kind, spoil in _SPOIL.items()
    }
