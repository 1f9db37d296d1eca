"""Rows of Hugging Face data sets: from a saved folder, the hub, or an object in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from penchant.errors import DataError, nearest
from penchant.feedback.files import Row
from penchant.hub_route import expect_hub, unreachable

__all__ = ["cache_folder", "hub_rows", "looks_like_hub_id", "saved_rows", "set_rows"]


def looks_like_hub_id(name: str) -> bool:
    """Whether a string has the form of a hub id: ``owner/name``.

    Example:
        >>> looks_like_hub_id("trl-lib/ultrafeedback_binarized"), looks_like_hub_id("data/pairs.jsonl")
        (True, False)
    """
    file_like = re.search(r"\.(jsonl|ndjson|json|csv|parquet|gz|txt|tsv|arrow|yaml)$", name, re.IGNORECASE)
    return file_like is None and re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name) is not None


def set_rows(data: Any, split: str | None, name: str) -> Iterator[Row]:
    """Rows of a ``datasets`` object; for a dictionary of splits, one split, or all with a column ``split``.

    Raises:
        DataError: there is no such split.
    """
    if not isinstance(data, Mapping):
        yield from ((number, dict(row)) for number, row in enumerate(data, start=1))
        return
    if split is not None and split not in data:
        raise DataError(
            f"There is no split {split!r}.",
            where=name,
            fix=nearest(split, map(str, data)),
        )
    number = 0
    for part in [split] if split is not None else list(data):
        for row in data[part]:
            number += 1
            yield number, {**row, "split": str(part)}


def saved_rows(folder: Path, split: str | None) -> Iterable[Row]:
    """Rows of a folder written by ``save_to_disk``.

    Raises:
        DataError: the folder is not a saved data set, or has no such split.
    """
    import datasets

    try:
        data = datasets.load_from_disk(str(folder))
    except Exception as error:
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
        raise DataError(
            f"The folder is not a saved data set (it holds: {found}).",
            where=str(folder),
            fix="Give one of its files, or a folder written by datasets' save_to_disk.",
        ) from error
    return set_rows(_undecoded(data), split, str(folder))


def hub_rows(name: str, split: str | None) -> Iterable[Row]:
    """Rows of a data set on the hub.

    Raises:
        DataError: it cannot be fetched, or has no such split.
    """
    import datasets

    expect_hub(name)
    try:
        data: Any = datasets.load_dataset(name)
    except Exception as error:
        reason = [unreachable()] if unreachable() else str(error).strip().splitlines()
        raise DataError(
            "There is no such file, and the hub has no data set with this id that could be fetched.",
            where=name,
            why=f"({reason[0] if reason else type(error).__name__})",
            fix="If it is a file, check its path; if it is an id, check its spelling, the network, and your access.",
        ) from error
    return set_rows(_undecoded(data), split, name)


def cache_folder() -> Path:
    """Where ``datasets`` keeps the files of data sets of the hub."""
    import datasets

    return Path(datasets.config.HF_CACHE_HOME)


def _undecoded(data: Any) -> Any:
    """A data set whose images, sounds and films stay files: its own decoders start programs and open any path."""
    if isinstance(data, Mapping):
        return {name: _undecoded(each) for name, each in data.items()}
    for name, feature in (data.features or {}).items():
        as_files = _as_files(feature)
        if as_files != feature:
            data = data.cast_column(name, as_files)
    return data


def _as_files(feature: Any) -> Any:
    """A feature of ``datasets`` with no decoder in it."""
    if isinstance(feature, Mapping):
        return {name: _as_files(each) for name, each in feature.items()}
    if isinstance(feature, list | tuple):
        return [_as_files(each) for each in feature]
    inner = getattr(feature, "feature", None)
    if inner is not None:
        return replace(feature, feature=_as_files(inner))
    return replace(feature, decode=False) if getattr(feature, "decode", False) else feature
