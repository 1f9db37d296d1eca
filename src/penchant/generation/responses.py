"""`Response`, a generated response, and `Sampling`, the sampling settings."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Response", "Sampling"]


@dataclass(frozen=True)
class Response:
    """A generated response.

    Args:
        text: the text without special tokens.
        ids: token ids, including the end token if one was generated.
        finished: whether an end token was generated before the length limit.
        learned: for each token, whether the policy wrote it (a conversation with a tool also holds the tool's tokens);
            None if it wrote all.
        logps: log-probabilities of the tokens under the distribution that they were drawn from, nats; None where the
            engine does not give them.

    Example:
        >>> Response("19", (5, 13, 2), True).finished
        True
    """

    text: str
    ids: tuple[int, ...]
    finished: bool
    learned: tuple[bool, ...] | None = None
    logps: tuple[float, ...] | None = None

    @property
    def length(self) -> int:
        """Number of tokens that the policy wrote."""
        return len(self.ids) if self.learned is None else sum(self.learned)


@dataclass(frozen=True)
class Sampling:
    """Sampling settings.

    Args:
        samples: responses per prompt, at least 1.
        max_new_tokens: maximum number of tokens per response.
        temperature: sampling temperature; 0 means greedy decoding.
        top_p: probability mass of nucleus sampling, in (0, 1].
        stop: texts that end a response, and are not part of its text.
        traced: number of responses whose log-probabilities are wanted at least.

    Example:
        >>> Sampling(samples=8).temperature
        1.0
    """

    samples: int = 1
    max_new_tokens: int = 128
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    traced: int = 0
