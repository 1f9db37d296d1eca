"""A generated response, and how responses are drawn."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Response", "Sampling"]


@dataclass(frozen=True)
class Response:
    """A generated response.

    Args:
        text: without special tokens.
        ids: its tokens, with the end token where it reached one.
        finished: whether it reached an end token before the length limit.

    Example:
        >>> Response("19", (5, 13, 2), True).finished
        True
    """

    text: str
    ids: tuple[int, ...]
    finished: bool


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn.

    Args:
        samples: responses per prompt, at least 1.
        max_new_tokens: most tokens of a response.
        temperature: of sampling; 0 takes the likeliest token every time.
        top_p: smallest probability mass to sample from, in (0, 1].

    Example:
        >>> Sampling(samples=8).temperature
        1.0
    """

    samples: int = 1
    max_new_tokens: int = 128
    temperature: float = 1.0
    top_p: float = 1.0
