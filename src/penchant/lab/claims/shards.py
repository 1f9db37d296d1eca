"""Sharding a run of claims over processes or machines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from penchant.errors import ConfigurationError
from penchant.lab.claims.claim import Claim

__all__ = ["shard_of"]

#: Most expensive first, so that every shard gets a similar number of expensive claims.
_COSTS = ("language", "images", "tabular")


def shard_of(claims: Sequence[type[Claim]], shard: str) -> list[type[Claim]]:
    """The claims of one shard.

    Claims are distributed in the order of cost and id, so the split depends only on the claims, not on the machine, on
    cached results, or on recorded times.

    Args:
        claims: all claims of the run.
        shard: ``k/n`` for the k-th of n shards, from ``1/n`` to ``n/n``.

    Returns:
        Its claims in the order given.

    Raises:
        ConfigurationError: the shard is malformed.

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
