"""The most relevant lists there can be: each user's own test items, and of these the rarest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penchant.errors import DataError

__all__ = ["oracle_lists"]


def oracle_lists(wanted: Sequence[np.ndarray], seen: Sequence[np.ndarray], items: int, k: int) -> np.ndarray:
    """k items for each user, relevant ones first: the relevant end of the frontier.

    Users with more than k relevant items, in ascending order of their number, get those that are used least so far.
    Users with fewer are filled up with items that nobody has, then with the least frequent ones; never with what they
    took before.

    Args:
        wanted: the relevant items of each user, numbered 1 to ``items``.
        seen: the items that each user took before.
        items: number of items in the catalogue.
        k: length of the lists.

    Returns:
        [users, k] numbers of items.

    Raises:
        DataError: a user has fewer than k items that can be recommended, or took a relevant item before.

    Example:
        >>> oracle_lists([np.array([1, 2, 3]), np.array([1, 2])], [np.array([4]), np.array([3])], 4, 2).tolist()
        [[1, 3], [1, 2]]

    Reference:
        Rampisela et al. (2025), arXiv:2502.11921.
    """
    known = [set(each.tolist()) for each in seen]
    _check(wanted, known, items, k)
    counts = np.zeros(items, dtype=np.int64)
    lists: list[list[int]] = [[] for _ in wanted]
    # As in the published code: first who has k items, then who has more, last who has fewer.
    exact = [user for user, own in enumerate(wanted) if len(own) == k]
    more = sorted((user for user, own in enumerate(wanted) if len(own) > k), key=lambda user: len(wanted[user]))
    fewer = [user for user, own in enumerate(wanted) if len(own) < k]
    for user in [*exact, *more, *fewer]:
        own = wanted[user]
        rarest = own[np.argsort(counts[own - 1], kind="stable")[:k]] if len(own) > k else own
        lists[user] = sorted(rarest.tolist())
        counts[rarest - 1] += 1
    for user in fewer:
        taken = known[user] | set(lists[user])
        for item in np.argsort(counts, kind="stable") + 1:
            if len(lists[user]) == k:
                break
            if int(item) not in taken:
                lists[user].append(int(item))
                counts[item - 1] += 1
    return np.asarray(lists, dtype=np.int64)


def _check(wanted: Sequence[np.ndarray], known: Sequence[set[int]], items: int, k: int) -> None:
    for number, (own, before) in enumerate(zip(wanted, known, strict=True)):
        if both := sorted(before & set(own.tolist())):
            raise DataError(
                f"User {number + 1} took item {both[0]} before the test and in it, so it can neither be recommended "
                "nor missed.",
                fix="Take an item out of the relevant items of a user who took it before.",
            )
        if items - len(before) < k:
            raise DataError(
                f"User {number + 1} took {len(before)} of {items} items before, so fewer than k = {k} are left.",
                fix="Choose a smaller k, or leave the user out.",
            )
