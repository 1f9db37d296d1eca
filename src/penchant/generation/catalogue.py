"""`Catalogue`: items that may be recommended, their texts, and the trie of their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.feedback.files import file_rows
from penchant.generation.trie import Trie

__all__ = ["Catalogue", "Item", "read_items"]


@dataclass(frozen=True)
class Item:
    """An item of a catalogue.

    Args:
        id: its name in the interactions.
        text: its text as a response, such as a title.
        where: file and line.
    """

    id: str
    text: str
    where: str = "memory"


def read_items(path: str | Path) -> list[Item]:
    """Read the items of a catalogue file: rows with ``item`` (a name) and ``text``; ``text`` alone names itself.

    Args:
        path: a file that `penchant data show` can read (JSONL, CSV, Parquet, ...).

    Raises:
        DataError: the file cannot be read, or a row has no text.
    """
    items = []
    for line, row in file_rows(Path(path)):
        if isinstance(row, DataError):
            raise row
        where = f"{path}:{line}"
        text = row.get("text", row.get("title"))
        if not isinstance(text, str):
            raise DataError(
                f"An item needs a text, but the row has {', '.join(map(repr, row)) or 'nothing'}.",
                where=where,
                fix='Write one row per item: {"item": "17", "text": "Chess"}.',
            )
        name = row.get("item")
        items.append(Item(text if name is None else str(name), text, where))
    return items


class Catalogue:
    """Items with their tokens, each ending in the end token, which decides between an item and a longer one.

    Args:
        items: the items.
        encode: the tokens of an item's text as a response, with exactly one end token as the last.

    Raises:
        DataError: there is no item, an item has no tokens or contains the end token, or two items have the same name
            or the same tokens.

    Example:
        >>> letters = Catalogue([Item("1", "ab"), Item("2", "abc")], lambda text: [*text.encode(), 0])
        >>> letters.sequences
        [(97, 98, 0), (97, 98, 99, 0)]
        >>> letters.place["2"]
        1
    """

    def __init__(self, items: Iterable[Item], encode: Callable[[str], Sequence[int]]) -> None:
        self.items = list(items)
        if not self.items:
            raise DataError("The catalogue has no items.", where="catalogue", fix="Give at least one item.")
        self.place = self._distinct([each.id for each in self.items], "name")
        self.sequences = [_tokens(each, encode) for each in self.items]
        self._by_tokens = self._distinct(self.sequences, "tokens")
        self.trie = Trie(self.sequences)

    def __len__(self) -> int:
        return len(self.items)

    def _distinct(self, values: Sequence[Any], what: str) -> dict[Any, int]:
        """The place of each value, or an error for two items with the same."""
        places: dict[Any, int] = {}
        for place, value in enumerate(values):
            if (first := places.setdefault(value, place)) != place:
                one, two = self.items[first], self.items[place]
                raise DataError(
                    f"The items {one.id!r} ({one.text!r}) and {two.id!r} ({two.text!r}) have the same {what}.",
                    where=two.where,
                    why=f"The first stands at {one.where}; nothing that is generated could tell them apart.",
                    fix="Remove one of them, or give it another text.",
                )
        return places

    def find(self, tokens: Sequence[int]) -> int | None:
        """The place of the item with these tokens, end token included; None if there is none."""
        return self._by_tokens.get(tuple(tokens))


def _tokens(item: Item, encode: Callable[[str], Sequence[int]]) -> tuple[int, ...]:
    ids = tuple(encode(item.text))
    if len(ids) < 2 or not item.text.strip():
        lacking = "no tokens" if len(ids) < 2 else "nothing but white space"
        raise DataError(
            f"The item {item.id!r} has {lacking} (its text is {item.text!r}).",
            where=item.where,
            fix="Give it a text, or remove it.",
        )
    if ids[-1] in ids[:-1]:
        raise DataError(
            f"The text of the item {item.id!r} contains the end token ({item.text!r}).",
            where=item.where,
            why="Generation would stop in the middle of it.",
            fix="Remove it from the text.",
        )
    return ids
