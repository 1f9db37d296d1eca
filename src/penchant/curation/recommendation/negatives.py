"""The builder ``negatives``: demonstrations of a next item become rankings of it above items that were not taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt

from penchant.curation.builder import Builder
from penchant.curation.rows import Built
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Demonstration, Record
from penchant.generation.catalogue import Item, read_items

__all__ = ["Negatives"]


class Negatives(Builder):
    """The item that a user took next (rank 1) and items of the catalogue that the user did not take (rank 2).

    ``uniform`` draws among all items, ``popular`` in proportion to how many records have an item, and ``hard`` takes
    those that a model finds most likely. An item of the record's ``history`` is no negative.

    Example:
        >>> Negatives(items="items.jsonl", count=3).settings["choice"]
        'uniform'

    Reference:
        Chen et al. (2024), On Softmax Direct Preference Optimization for Recommendation, arXiv:2406.09215.
    """

    id = "negatives"
    reads = "demonstrations of a next item (as `penchant recommend prepare` writes)"
    writes = ("completions", "ranks")

    items: Annotated[str, "file of the catalogue: rows with item and text"]
    count: Annotated[int, Gt(0), "negatives of a record"] = 3
    choice: Annotated[Literal["uniform", "popular", "hard"], "how negatives are chosen"] = "uniform"
    model: Annotated[str | None, "model that finds hard negatives: folder or hub id"] = None
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if (self.model is None) == (self.choice == "hard"):
            raise ConfigurationError(
                "Hard negatives need a model." if self.model is None else f"{self.choice} negatives need no model.",
                where="negatives",
                fix="Give --model together with --choice hard.",
            )

    def build(self, records: Feedback) -> Built:
        """Add negatives to each record.

        Raises:
            DataError: a record is no demonstration of an item of the catalogue, or there are too few other items.
        """
        items = read_items(self.items)
        place, named = {each.text: at for at, each in enumerate(items)}, {each.id: at for at, each in enumerate(items)}
        taken = [_taken(record, place, named, self.items) for record in records]
        most = max((len(set(each)) for each in taken), default=0)
        if self.count > len(items) - most:
            raise DataError(
                f"{self.count} negatives are wanted, but the catalogue has {len(items)} items "
                f"and a record has up to {most} of them.",
                where=self.items,
                fix=f"Give --count {len(items) - most} or fewer." if len(items) > most else "Give a larger catalogue.",
            )
        drawn = self._likely(items, taken) if self.choice == "hard" else self._drawn(len(items), taken)
        built = Built([], {"records read": len(taken)})
        for record, own, negatives in zip(records, taken, drawn, strict=True):
            completions = [items[at].text for at in (own[-1], *negatives)]
            ranks = [1, *[2] * len(negatives)]
            built.rows.append({"prompt": record.prompt, "completions": completions, "ranks": ranks, **_rest(record)})
        return built

    def _drawn(self, items: int, taken: Sequence[Sequence[int]]) -> list[list[int]]:
        """Different items by chance, in proportion to their weights."""
        rng, weights = np.random.default_rng(self.seed), np.ones(items)
        if self.choice == "popular":
            counts = Counter(at for each in taken for at in set(each))
            weights = np.array([counts[at] for at in range(items)], dtype=float) + 1e-9
        total, found = weights.cumsum(), []
        for own in taken:
            chosen: dict[int, None] = {}
            out = set(own)
            while len(chosen) < self.count:
                at = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
                if at not in out:
                    chosen[min(at, items - 1)] = None
            found.append(list(chosen))
        return found

    def _likely(self, items: Sequence[Item], taken: Sequence[Sequence[int]]) -> list[list[int]]:
        """The items that the model finds most likely."""
        from penchant.generation.recommender import load_recommender

        assert self.model is not None
        recommender = load_recommender(self.model, items)
        lists = recommender.top([each[:-1] or each for each in taken], min(self.count + 1, len(items)))
        return [[at for at in best if at != own[-1]][: self.count] for best, own in zip(lists, taken, strict=True)]


def _taken(record: Record, place: dict[str, int], named: dict[str, int], catalogue: str) -> list[int]:
    """The items of a record's history and its next item, as places."""
    if not isinstance(record, Demonstration) or not isinstance(record.completion, str):
        raise DataError(
            f"negatives needs demonstrations of a next item, but this is a record of kind {record.kind!r}.",
            where=str(record.source),
            fix="Give prompt and completion.",
        )
    before = [str(name) for name in record.fields.get("history", [])]
    strange = [name for name in before if name not in named]
    if strange or record.completion not in place:
        raise DataError(
            f"The item {(strange or [record.completion])[0]!r} is not in the catalogue {catalogue}.",
            where=str(record.source),
            fix="Add it to the catalogue, or leave out the record.",
        )
    return [*(named[name] for name in before), place[record.completion]]


def _rest(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.fields.items() if name not in ("completions", "ranks")}
