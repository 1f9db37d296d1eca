"""Splitting a run over claims between processes or machines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from penchant.errors import ConfigurationError
from penchant.lab.claims.claim import Claim

__all__ = ["shard_of"]

#: The most expensive first, so that every shard has about as many of them.
_COSTS = ("language", "images", "tabular")


def shard_of(claims: Sequence[type[Claim]], shard: str) -> list[type[Claim]]:
    """The claims of one shard.

    Claims are dealt out in the order of their cost and id, so the split depends on nothing but the claims: not on the
    machine, on what is already measured, or on recorded times.

    Args:
        claims: all that are to be run.
        shard: ``k/n``: the k-th of n, from ``1/n`` to ``n/n``.

    Returns:
        Its claims in the order given.

    Raises:
        ConfigurationError: it is not of this form.

    Example:
        >>> from penchant.lab.claims import all_claims
        >>> parts = [shard_of(all_claims(), f"{part}/4") for part in (1, 2, 3, 4)]
        >>> sum(map(len, parts)) == len(all_claims())
        True
    """
    found = re.fullmatch(r"(\d+)/(\d+)", shard.strip())
    part, parts = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= part <= parts:
        raise ConfigurationError(
            f"{shard!r} is not a shard.", where="--shard", fix="Write k/n with k from 1 to n, for example 1/4."
        )
    dealt = sorted(claims, key=lambda claim: (_COSTS.index(claim.cost), claim.id))
    own = set(dealt[part - 1 :: parts])
    return [claim for claim in claims if claim in own]
