"""`measure`: recommenders and baselines on the users that a prepared folder keeps for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.recommendation.baselines import build_baseline, find_baseline
from penchant.evaluation.recommendation.next_item import NextItem, compared_with, next_item, self_information
from penchant.feedback.files import sound_rows
from penchant.feedback.interactions import History, check_known
from penchant.generation.catalogue import Item, read_items
from penchant.generation.recommender import load_recommender, load_recommender_tokenizer
from penchant.statistics import Interval

__all__ = ["Comparison", "Measured", "Users", "measure", "places_of", "read_folder"]


@dataclass(frozen=True)
class Users:
    """Users of a prepared folder, with items as places in the catalogue.

    Args:
        items: the catalogue.
        learned: whole histories of the training users.
        histories: what each user took before, oldest first.
        targets: what each user took next.
        names: of the users.
    """

    items: list[Item]
    learned: list[list[int]]
    histories: list[list[int]]
    targets: list[int]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The difference of NDCG@k of two recommenders, paired by user."""

    name: str
    baseline: str
    difference: Interval

    @property
    def better(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.difference.low > 0


@dataclass(frozen=True)
class Measured:
    """Measures and lists of each recommender, and each model's difference from each baseline."""

    rows: list[NextItem]
    comparisons: list[Comparison]
    users: int
    lists: dict[str, list[list[int]]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The figures as plain lists and numbers."""
        compared = [
            {"name": each.name, "baseline": each.baseline, "ndcg_difference": vars(each.difference)}
            for each in self.comparisons
        ]
        return {"users": self.users, "recommenders": [each.to_json() for each in self.rows], "differences": compared}


def places_of(
    histories: Sequence[History], items: Sequence[Item], catalogue: str, *, skip: bool = False
) -> list[list[int]]:
    """The items of histories as places in a catalogue.

    Args:
        histories: of users.
        items: the catalogue.
        catalogue: its file, for messages.
        skip: leave out items that it does not have.

    Raises:
        DataError: an item is not in the catalogue and ``skip`` is False.
    """
    known = {each.id: place for place, each in enumerate(items)}
    if not skip:
        check_known(histories, known, catalogue)
    return [[known[name] for name in each.items if name in known] for each in histories]


def read_folder(folder: str | Path, part: str = "test") -> Users:
    """The users of a folder that ``penchant recommend prepare`` wrote.

    Args:
        folder: the folder.
        part: ``test`` or ``valid``.

    Raises:
        DataError: a file is missing or is not as it was written.
    """
    home = Path(folder)
    if (home / "items.jsonl").is_file() and not (home / f"{part}.jsonl").is_file():
        raise DataError(
            f"There is no {part}.jsonl: no user was set apart for {part}.",
            where=str(folder),
            fix=f"Prepare the folder anew, with --{part}-share above 0 or with users of the split {part}.",
        )
    items = read_items(home / "items.jsonl")
    whole = places_of(_histories(home / "next.jsonl"), items, str(home / "items.jsonl"))
    wanted = _histories(home / f"{part}.jsonl")
    asked, names = places_of(wanted, items, str(home / "items.jsonl")), tuple(each.user for each in wanted)
    return Users(items, whole, [each[:-1] for each in asked], [each[-1] for each in asked], names)


def _histories(path: Path) -> list[History]:
    found = []
    for number, row in enumerate(sound_rows(path), start=1):
        if not isinstance(row.get("history"), list) or not row["history"] or "target" not in row:
            raise DataError(
                "The row has no 'history' and 'target'.",
                where=f"{path}:{number}",
                fix="Write the folder with penchant recommend prepare.",
            )
        names = (*map(str, row["history"]), str(row["target"]))
        found.append(History(str(row.get("user")), names, None, f"{path}:{number}"))
    return found


def measure(
    users: Users,
    models: Sequence[str],
    baselines: Sequence[str] = ("random", "popularity", "item-knn", "factorisation"),
    *,
    k: int = 10,
    beams: int = 0,
    seed: int = 0,
    progress: Callable[[str], None] = lambda name: None,
) -> Measured:
    """Measure lists of each model and baseline against what the users took next.

    All rank the whole catalogue, without what a user already has.

    Args:
        users: whom to recommend to, and what is learned from (by the baselines).
        models: folders of models, runs, or hub ids.
        baselines: names of `penchant.evaluation.recommendation.baselines.BASELINES`.
        k: length of the lists.
        beams: of the search; default: k + 10.
        seed: of chance and of the bootstrap.
        progress: called with the name of the recommender that is measured next.

    Raises:
        ConfigurationError: k is out of range, a baseline is unknown, or there are fewer than two users.
        ModelError: a model cannot be loaded; one that is missing is found before anything is measured.
    """
    if not 1 <= k <= len(users.items):
        raise ConfigurationError(f"k is {k}, but the catalogue has {len(users.items)} items.", where="k")
    if len(users.targets) < 2:
        raise ConfigurationError(
            f"There is {len(users.targets)} user to measure on; an interval needs at least two.", where="users"
        )
    baselines, models = list(dict.fromkeys(baselines)), list(dict.fromkeys(models))
    for name in baselines:
        find_baseline(name)
        if name in models:
            raise ConfigurationError(f"{name!r} names a model and a baseline.", fix=f"Write ./{name} for the model.")
    for name in models:  # baselines may take minutes, so a missing model is found before them
        load_recommender_tokenizer(name)
    information = self_information(users.learned, len(users.items))
    lists = {}
    for name in baselines:
        progress(name)
        fitted = build_baseline(name, users.learned, len(users.items), seed)
        lists[name] = [fitted.top(each, k) for each in users.histories]
    for name in models:
        progress(name)
        lists[name] = load_recommender(name, users.items).top(users.histories, k, beams=beams)
    rows = [next_item(name, own, users.targets, k=k, information=information) for name, own in lists.items()]
    simple, others = rows[: len(rows) - len(models)], rows[len(rows) - len(models) :]
    compared = [Comparison(one.name, other.name, compared_with(one, other, seed)) for one in others for other in simple]
    return Measured(rows, compared, len(users.targets), lists)
