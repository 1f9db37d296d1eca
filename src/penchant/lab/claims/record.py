"""The recorded results of claims: one JSON file per family, readable without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypedDict

from penchant.errors import DataError, OutputError
from penchant.writing import write_text

__all__ = ["RESULTS", "Entry", "families", "read_record", "verdicts", "write_record"]

#: The folder of the recorded results: ``pairwise.json`` and so on.
RESULTS = Path(__file__).with_name("results")


class Entry(TypedDict):
    """The recorded result of a claim.

    ``arms`` holds one number per seed for each arm; ``sources`` is the hash of the code that produced them
    (`penchant.lab.claims.sources.source_hash`); ``seconds`` is the processor time of all seeds.
    """

    id: str
    family: str
    methods: list[str]
    verdict: str
    sources: str
    seconds: float
    seeds: list[int]
    arms: dict[str, list[float]]


_KEYS = Entry.__required_keys__
_WRITABLE = "Run --record in a writable checkout of the repository."


def read_record(folder: Path = RESULTS) -> dict[str, Entry]:
    """All recorded results by claim id.

    Args:
        folder: folder of the family files; if it is missing, there are no results.

    Raises:
        DataError: a file is malformed.

    Example:
        >>> read_record()["rdpo-flipped-labels"]["verdict"]
        'reproduced'
    """
    return {entry["id"]: entry for path in sorted(folder.glob("*.json")) for entry in _entries(path)}


def verdicts(method: str, folder: Path = RESULTS) -> dict[str, str]:
    """The recorded verdicts of the claims that test a method.

    Args:
        method: id of an objective.
        folder: folder of the family files.

    Returns:
        Claim id -> ``reproduced``, ``not reproduced`` or ``inconclusive``; empty if no claim tests it.

    Example:
        >>> verdicts("rdpo")["rdpo-flipped-labels"]
        'reproduced'
    """
    return {entry["id"]: entry["verdict"] for entry in _kept(folder).values() if method in entry["methods"]}


def families(folder: Path = RESULTS) -> dict[str, str]:
    """The family of each recorded claim, on whose page it stands.

    Args:
        folder: where the files of the families are.

    Returns:
        Claim id -> family.

    Example:
        >>> families()["rdpo-flipped-labels"]
        'pairwise'
    """
    return {name: entry["family"] for name, entry in _kept(folder).items()}


@cache
def _kept(folder: Path) -> Mapping[str, Entry]:
    """The record, cached per process, since a table of methods reads it for each method."""
    return read_record(folder)


def write_record(entries: Iterable[Entry], folder: Path = RESULTS) -> list[Path]:
    """Write results to the files of their families; the results of other claims are kept.

    Args:
        entries: results of the measured claims.
        folder: folder of the family files.

    Returns:
        The files that changed.

    Raises:
        DataError: an existing file is malformed.
        OutputError: a file cannot be written.
    """
    known = read_record(folder) | {entry["id"]: entry for entry in entries}
    texts: dict[Path, str] = dict.fromkeys(folder.glob("*.json"), "")  # the file of a family without claims is deleted
    for family in {entry["family"] for entry in known.values()}:
        own = sorted((entry for entry in known.values() if entry["family"] == family), key=lambda entry: entry["id"])
        texts[folder / f"{family}.json"] = _text(own)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        changed = [path for path, text in texts.items() if _write(path, text)]
    except OSError as error:
        raise OutputError(
            f"The results of claims cannot be recorded ({error.strerror or error}).",
            where=str(folder),
            fix=_WRITABLE,
        ) from error
    _kept.cache_clear()
    return sorted(changed)


def _write(path: Path, text: str) -> bool:
    """Write a file if its text has changed; return whether it has."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    if text:
        write_text(path, text, "The record of claims", fix=_WRITABLE)
    else:
        path.unlink()
    return True


def _text(entries: Iterable[Entry]) -> str:
    """JSON with one line per arm, for readable diffs and merges."""
    return "[\n" + ",\n".join(map(_entry_text, entries)) + "\n]\n"


def _entry_text(entry: Entry) -> str:
    facts = [f'"{key}": {_json(value)}' for key, value in entry.items() if key != "arms"]
    arms = [f"  {_json(arm)}: {_json(values)}" for arm, values in entry["arms"].items()]
    return "{" + ",\n ".join([*facts, '"arms": {\n' + ",\n".join(arms) + "\n }"]) + "}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _entries(path: Path) -> list[Entry]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if lacking := {key for entry in entries for key in _KEYS - set(entry)}:
            raise ValueError(f"an entry lacks {', '.join(sorted(lacking))}")
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"The recorded results of claims cannot be read ({error}).",
            where=str(path),
            fix="Restore the file, or record its claims again: penchant claims --family FAMILY --record.",
        ) from error
    return list(entries)
