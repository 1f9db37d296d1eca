"""`TokenStatistic`, a number per token that is computed from the whole next-token distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from penchant.errors import ConfigurationError, nearest

__all__ = ["STATISTICS", "TokenStatistic", "find_statistics"]


@dataclass(frozen=True)
class TokenStatistic:
    """A statistic of the distributions at K positions, computed in chunks of positions, with gradient.

    The likelihood calls ``function(log_probs, ids, reference, **arguments)`` with the policy's log-probabilities
    [K, V], the tokens that stand at the positions [K], and the reference's log-probabilities [K, V] without gradient
    (None unless ``reference``); with ``placed`` it also gets ``places``, [K] the position of each token in its own
    sequence. It returns [K] float32. Never more than one chunk of the [K, V] tables exists.

    Args:
        function: the pure function.
        arguments: further keyword arguments, as pairs.
        reference: whether the function reads the reference's distribution.
        constant: whether the statistic carries no gradient.
        placed: whether the function reads positions.

    Example:
        >>> str(TokenStatistic(entropy)), str(TokenStatistic(entropy, (("base", 2.0),)))
        ('entropy', 'entropy(base=2.0)')
    """

    function: Callable[..., Tensor]
    arguments: tuple[tuple[str, float | int | str | bool], ...] = ()
    reference: bool = False
    constant: bool = False
    placed: bool = False

    def __str__(self) -> str:
        """The key under which `Scored.stat` finds the values."""
        given = ", ".join(f"{name}={value}" for name, value in self.arguments)
        return f"{self.function.__name__}({given})" if given else self.function.__name__

    def __call__(
        self, log_probs: Tensor, ids: Tensor, reference: Tensor | None, places: Tensor | None = None
    ) -> Tensor:
        """The values at K positions, [K]."""
        if self.constant:
            log_probs = log_probs.detach()
        given = {**dict(self.arguments), **({"places": places} if self.placed else {})}
        return self.function(log_probs, ids, reference if self.reference else None, **given)


def entropy(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """−Σ_v π(v) log π(v), nats.

    Example:
        >>> import torch
        >>> round(entropy(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([0]), None).item(), 4)
        0.6931
    """
    return -(log_probs.exp() * log_probs).sum(-1)


def sum_p2(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """Σ_v π(v)², the expected probability of a sampled token.

    Example:
        >>> import torch
        >>> sum_p2(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([0]), None)
        tensor([0.5000])
    """
    probs = log_probs.exp()
    return (probs * probs).sum(-1)


def max_p(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """max_v π(v), the probability of the most likely token.

    Example:
        >>> import torch
        >>> max_p(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([0]), None)
        tensor([0.7500])
    """
    return log_probs.exp().amax(-1)


def kl(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """KL(π ‖ π_ref) = Σ_v π(v) (log π(v) − log π_ref(v)), nats.

    Example:
        >>> import torch
        >>> half, other = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
        >>> round(kl(half, torch.tensor([0]), other).item(), 4)
        0.1438
    """
    assert reference is not None
    return (log_probs.exp() * (log_probs - reference)).sum(-1)


def reference_kl(log_probs: Tensor, ids: Tensor, reference: Tensor | None) -> Tensor:
    """KL(π_ref ‖ π) = Σ_v π_ref(v) (log π_ref(v) − log π(v)), nats.

    The mass is the reference's: a token that the policy alone finds likely costs little here and much in `kl`.

    Example:
        >>> import torch
        >>> half, other = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
        >>> round(reference_kl(half, torch.tensor([0]), other).item(), 4)
        0.1308
    """
    assert reference is not None
    return (reference.exp() * (reference - log_probs)).sum(-1)


#: The statistics that an objective may ask for by name.
STATISTICS: Mapping[str, TokenStatistic] = {
    str(each): each
    for each in (
        TokenStatistic(entropy),
        TokenStatistic(sum_p2),
        TokenStatistic(max_p),
        TokenStatistic(kl, reference=True),
        TokenStatistic(reference_kl, reference=True),
    )
}


def find_statistics(wanted: Iterable[str | TokenStatistic]) -> list[TokenStatistic]:
    """The statistics of names and of definitions, in the order of their keys.

    Args:
        wanted: names of `STATISTICS`, or statistics that an objective defines.

    Raises:
        ConfigurationError: a name is unknown.

    Example:
        >>> [str(each) for each in find_statistics(["kl", "entropy"])]
        ['entropy', 'kl']
    """
    found = {}
    for each in wanted:
        if isinstance(each, str) and each not in STATISTICS:
            raise ConfigurationError(f"There is no token statistic {each!r}.", fix=nearest(each, STATISTICS))
        found[str(each)] = STATISTICS[each] if isinstance(each, str) else each
    return [found[key] for key in sorted(found)]
