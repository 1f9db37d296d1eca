"""Recommended lists as a table that has been checked: items by number, every list of one length, no item twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from penchant.errors import DataError

__all__ = ["checked_lists", "checked_relevant", "sparse_rows"]


def checked_lists(lists: Sequence[Sequence[int]] | np.ndarray, items: int) -> np.ndarray:
    """Recommended lists as a table of whole numbers, [users, k].

    Args:
        lists: the recommended items of each user, numbered 1 to ``items``, best first; all of one length k.
        items: number of items in the catalogue.

    Raises:
        DataError: there is no list, lists differ in length, a number is not that of an item, or a list holds an item
            twice. The message names the first such list, counted from 1.

    Example:
        >>> checked_lists([[1, 2], [3, 1]], 3).shape
        (2, 2)
    """
    lengths = sorted({len(each) for each in lists})
    if len(lengths) != 1 or lengths[0] == 0:
        found = f"lists of {', '.join(map(str, lengths))} items" if lengths else "no lists"
        raise DataError(f"There are {found}, expected one or more lists of the same length.", fix="Cut them at one k.")
    table = np.asarray(lists)
    if table.dtype.kind not in "iu":
        raise DataError(f"The lists hold {table.dtype} values, expected the numbers of items.", fix="Number the items.")
    for place, wrong in (("row", (table < 1) | (table > items)), ("twice", _repeated(table))):
        if wrong.any():
            row, column = (int(each) for each in np.argwhere(wrong)[0])
            held = table[row, column]
            said = f"item {held} twice" if place == "twice" else f"item {held}, expected numbers from 1 to {items}"
            raise DataError(f"List {row + 1} of {len(table)} holds {said}.", fix="Number the items 1 to n, each once.")
    return table.astype(np.int64)


def _repeated(table: np.ndarray) -> np.ndarray:
    """[users, k − 1] where a list, sorted, repeats an item; the column is that of the sorted list."""
    order = np.argsort(table, axis=1, kind="stable")
    same = np.diff(np.take_along_axis(table, order, axis=1), axis=1) == 0
    found = np.zeros(table.shape, dtype=bool)
    np.put_along_axis(found, order[:, 1:], same, axis=1)
    return found


def checked_relevant(relevant: Sequence[Collection[int]], users: int, items: int) -> list[np.ndarray]:
    """The relevant items of each user, sorted.

    Raises:
        DataError: there are not as many sets as users, or a number is not that of an item.

    Example:
        >>> [each.tolist() for each in checked_relevant([{2, 1}, set()], 2, 3)]
        [[1, 2], []]
    """
    if len(relevant) != users:
        raise DataError(f"There are relevant items of {len(relevant)} users and lists of {users}.")
    rows = [np.asarray(sorted(set(each)), dtype=np.int64) for each in relevant]
    for number, row in enumerate(rows):
        if len(row) and not (row[0] >= 1 and row[-1] <= items):
            wrong = row[0] if row[0] < 1 else row[-1]
            raise DataError(f"User {number + 1} has relevant item {wrong}, expected numbers from 1 to {items}.")
    return rows


def sparse_rows(rows: Sequence[np.ndarray] | np.ndarray, values: Sequence[np.ndarray], items: int) -> Any:
    """A sparse matrix [users, items] with ``values`` at the items of each row: most users see few of many items.

    Args:
        rows: numbers of items per user, from 1.
        values: a number per item of a row.
        items: number of columns.
    """
    from scipy.sparse import csr_matrix

    places = np.concatenate([np.asarray(each) - 1 for each in rows]) if len(rows) else np.zeros(0, dtype=np.int64)
    starts = np.cumsum([0, *(len(each) for each in rows)])
    held = np.concatenate([np.asarray(each, dtype=float) for each in values])
    return csr_matrix((held, places, starts), shape=(len(rows), items))
