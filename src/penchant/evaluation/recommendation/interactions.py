"""Interactions and recommended lists as people write them: rows per user, items by any name."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import DataError

__all__ = ["Interactions", "read_interactions", "read_lists"]

Name = str  # of a user or an item; a number names what its digits as a text name


@dataclass(frozen=True)
class Interactions:
    """What users took before the test and in it, with items by number.

    Args:
        users: names of the tested users, in order.
        relevant: numbers of the items that each took in the test, from 1.
        seen: numbers of the items that each took before.
        profiles: items of all users before the test, also of those who are not tested.
        numbers: number of each item by its name as a text; the catalogue.
    """

    users: tuple[Name, ...]
    relevant: tuple[frozenset[int], ...]
    seen: tuple[frozenset[int], ...]
    profiles: tuple[frozenset[int], ...]
    numbers: Mapping[Name, int]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], *, last: int = 1, catalogue: Iterable[Name] = ()) -> Interactions:
        """Interactions from rows.

        Args:
            rows: ``{"user", "items"}``, the items in time order, of which the last ``last`` are the test; or with
                ``"relevant"`` beside them, the items of the test. Rows with a ``"split"`` other than ``test`` are no
                test: all of their items are a profile.
            last: number of items per user in the test; an item that the user took before is not relevant again.
            catalogue: further items that nobody took, by name.

        Raises:
            DataError: a row lacks a field, a user stands twice or has no more than ``last`` items, or nobody is tested.

        Example:
            >>> found = Interactions.of([{"user": "a", "items": ["x", "y"]}, {"user": "b", "items": ["y", "z"]}])
            >>> found.relevant, len(found.numbers)
            ((frozenset({2}), frozenset({3})), 3)
        """
        divided = [_divided(number, row, last) for number, row in enumerate(rows, start=1)]
        names = [user for user, _, _ in divided]
        if len(set(names)) < len(names):
            twice = next(name for place, name in enumerate(names) if name in names[:place])
            raise DataError(f"User {twice!r} stands in two rows.", fix="Put all items of a user into one row.")
        everything = [item for _, before, after in divided for item in (*before, *(after or ()))]
        numbers = {
            item: place for place, item in enumerate(dict.fromkeys([*everything, *map(str, catalogue)]), start=1)
        }
        profiles = [frozenset(numbers[item] for item in before) for _, before, _ in divided]
        tested = [place for place, (_, _, after) in enumerate(divided) if after is not None]
        if not tested:
            raise DataError("No user is tested.", fix="Leave at least one row whose split is test, or that names none.")
        wanted = [frozenset(numbers[item] for item in divided[place][2] or ()) for place in tested]
        seen = [profiles[place] for place in tested]
        relevant = [own - before for own, before in zip(wanted, seen, strict=True)]
        return cls(tuple(names[place] for place in tested), tuple(relevant), tuple(seen), tuple(profiles), numbers)

    def lists(self, rows: Iterable[Mapping[str, Any]], k: int, where: str = "the lists") -> list[list[int]]:
        """The first k recommended items of each tested user, by number.

        Args:
            rows: ``{"user", "items"}``, the items best first; of users who are not tested nothing is read.
            k: length of the lists.
            where: what to call them in messages, such as the file.

        Raises:
            DataError: a tested user has no list or one that is shorter than k, or an item is not in the catalogue.
        """
        given: dict[Name, Sequence[Name]] = {}
        for number, row in enumerate(rows, start=1):
            user, items = _fields(number, row, where)
            if user in given:
                raise DataError(f"User {user!r} has two lists.", where=f"{where}:{number}")
            given[user] = items
        found = []
        for user in self.users:
            items = given.get(user, ())
            if len(items) < k:
                said = f"a list of {len(items)} items" if user in given else "no list"
                raise DataError(f"User {user!r} has {said}, expected at least k = {k}.", where=where)
            unknown = [item for item in items[:k] if item not in self.numbers]
            if unknown:
                raise DataError(
                    f"User {user!r} is recommended {unknown[0]!r}, which is not in the catalogue.",
                    where=where,
                    fix="The catalogue is every item of the interactions; name others as further items.",
                )
            found.append([self.numbers[item] for item in items[:k]])
        return found


def _divided(number: int, row: Mapping[str, Any], last: int) -> tuple[Name, Sequence[Name], Sequence[Name] | None]:
    """User, items before the test, items of the test (None where the user is not tested)."""
    user, items = _fields(number, row, "the interactions")
    if row.get("split", "test") != "test":
        return user, items, None
    if "relevant" in row:
        return user, items, [str(item) for item in row["relevant"]]
    if len(items) <= last:
        raise DataError(
            f"User {user!r} has {len(items)} interactions, of which the last {last} would be the test.",
            where=f"the interactions:{number}",
            why="Nothing would be left that the user took before.",
            fix="Leave out users with so few interactions.",
        )
    return user, items[: len(items) - last], items[len(items) - last :]


def _fields(number: int, row: Mapping[str, Any], where: str) -> tuple[Name, Sequence[Name]]:
    user, items = row.get("user"), row.get("items")
    if user is None or not isinstance(items, list | tuple):
        raise DataError(
            f"A row has the fields {', '.join(row)}, expected 'user' and the list 'items'.", where=f"{where}:{number}"
        )
    return str(user), [str(item) for item in items]


def read_interactions(path: Path | str, *, last: int = 1) -> Interactions:
    """Interactions from a file with a JSON object per line; see `Interactions.of`.

    Args:
        path: a .jsonl file, also with .gz; or a folder that ``penchant recommend prepare`` wrote, whose test users are
            those of ``test.jsonl``.
        last: number of items per user in the test, in a file.

    Raises:
        DataError: the file cannot be read, or its rows are no interactions.
    """
    home = Path(path)
    if not home.is_dir():
        return Interactions.of(_rows(home), last=last)
    parts = {name: home / f"{name}.jsonl" for name in ("next", "valid", "test")}
    rows = [
        {"user": row["user"], "items": row["history"], "relevant": [row["target"]], "split": name}
        if name == "test"
        else {"user": row["user"], "items": [*row["history"], row["target"]], "split": name}
        for name, file in parts.items()
        if file.exists()
        for row in _rows(file)
    ]
    return Interactions.of(rows, catalogue=[row["item"] for row in _rows(home / "items.jsonl")])


def read_lists(path: Path | str) -> list[dict[str, Any]]:
    """Rows ``{"user", "items"}`` of recommended lists, from a file with a JSON object per line.

    Raises:
        DataError: the file cannot be read.
    """
    return _rows(Path(path))


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise DataError(
                            f"The line holds {line.strip()[:40]}, expected a JSON object.", where=f"{path}:{number}"
                        )
                    rows.append(row)
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise DataError(f"The file cannot be read ({error}).", where=str(path)) from error
    except ValueError as error:
        raise DataError(f"The line is not JSON ({error}).", where=f"{path}:{len(rows) + 1}") from error
    return rows
