"""Feedback from several files: named sources, and mixtures with fixed ratios."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from penchant.errors import ConfigurationError, DataError, PenchantError
from penchant.feedback.collection import Feedback
from penchant.feedback.conversion.ties import without_ties
from penchant.feedback.kept import kept
from penchant.feedback.memory import form_of
from penchant.feedback.places import is_list_of_paths
from penchant.feedback.reading import read
from penchant.feedback.records import Comparison, Ranking, Record
from penchant.feedback.views.view import source_names

_PART = {"path", "data", "weight", "split", "mapping", "kind"}

__all__ = ["Sources", "as_paths", "is_mixture", "parts_of", "read_sources"]


class Sources(Feedback):
    """Several sets of records; as a sequence, their concatenation.

    Args:
        parts: the sets by source name; for a mixture, by path.
        weights: for a mixture, the relative share of each set in an epoch; None for named sources.

    Example:
        >>> from penchant.feedback.records import Demonstration
        >>> one = Feedback([Demonstration(prompt="Hi", completion="Hello!")], kind="demonstration", name="a.jsonl")
        >>> both = Sources({"forget": one, "retain": one})
        >>> len(both), both.name, sorted(both[:5].parts)
        (2, 'forget=a.jsonl, retain=a.jsonl', ['forget', 'retain'])
    """

    def __init__(self, parts: Mapping[str, Feedback], weights: Sequence[float] | None = None) -> None:
        self.parts, self.weights = dict(parts), None if weights is None else tuple(weights)
        names = [each.name if weights is not None else f"{name}={each.name}" for name, each in self.parts.items()]
        super().__init__(
            kept(record for each in self.parts.values() for record in each),
            kind=" and ".join(dict.fromkeys(each.kind for each in self.parts.values())),
            name=", ".join(names),
            bad=[error for each in self.parts.values() for error in each.bad],
            ties=sum(each.ties for each in self.parts.values()),
        )

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sources: ...
    def __getitem__(self, index: int | slice) -> Record | Sources:
        """A record, or the same slice of every source."""
        if isinstance(index, slice):
            return Sources({name: each[index] for name, each in self.parts.items()}, self.weights)
        return self.records[index]

    def __len__(self) -> int:
        return sum(map(len, self.parts.values()))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the source names and the records' content."""
        named = [f"{name if self.weights is None else ''} {each.fingerprint}" for name, each in self.parts.items()]
        return hashlib.sha256("\n".join(named).encode()).hexdigest()


def parts_of(feedback: Feedback) -> dict[str, Feedback]:
    """The sets of records by source name; one set under the name ``""`` if there are no named sources."""
    return feedback.parts if isinstance(feedback, Sources) else {"": feedback}


def read_sources(data: Any, **options: Any) -> Feedback:
    """Read feedback from one place, from named sources, or from a mixture.

    Args:
        data: anything that `penchant.feedback.read` accepts; a mapping of names to such data; or a list of
            ``{"path": ..., "weight": ...}``, the parts of a mixture, which may also have ``split``, ``mapping`` and
            ``kind`` of their own, and hold data in memory (``{"data": rows, ...}``). The splits of a data set are named
            sources if they are called like sources that methods ask for (``forget``, ``retain``) and ``split`` is not
            given.
        options: options of `penchant.feedback.read`, applied to every source; those of a part come first.

    Returns:
        Feedback; `Sources` if there are several sets.

    Raises:
        DataError: a source cannot be read or is empty, or the parts of a mixture are of different kinds.
        ConfigurationError: there is no source, or a mixture contains the same split of a file twice.

    Example:
        >>> row = {"prompt": "Hi", "completion": "Hello!"}
        >>> read_sources({"forget": [row], "retain": [row, row]}).parts["retain"].kind
        'demonstration'
    """
    if isinstance(data, Feedback):
        return _as_given(data, options)
    if is_mixture(data):
        return _mixture(data, options)
    if not isinstance(data, Mapping) or not _are_named(data, options.get("split")):
        return read(data, **options)
    if not data:
        raise ConfigurationError("There is no source.", where="data", fix="Write data: {forget: a.jsonl, ...}.")
    parts = {}
    for name, source in data.items():
        try:
            ready = isinstance(source, Feedback)
            parts[str(name)] = _as_given(source, options) if ready else read(source, **options)
        except PenchantError as error:
            raise type(error)(
                f"In the source {name!r}: {error.what}", where=error.where, why=error.why, fix=error.fix
            ) from error
    return Sources(parts)


def _as_given(feedback: Feedback, options: Mapping[str, Any]) -> Feedback:
    """Records that are read already, with their ties or without."""
    if options.get("ties") == "keep":
        return feedback
    if isinstance(feedback, Sources):
        return Sources({name: without_ties(each) for name, each in feedback.parts.items()}, feedback.weights)
    return without_ties(feedback)


def _are_named(data: Mapping[Any, Any], split: str | None) -> bool:
    """Whether a mapping holds named sources, and is neither a record, nor a table, nor the splits of one data set."""
    if split is not None and split in data:
        return False
    form = form_of(data) if data else "sources"
    return form == "sources" or (form == "splits" and split is None and set(map(str, data)) <= set(source_names()))


def is_mixture(data: Any) -> bool:
    """Whether data is a list of ``{"path": ..., "weight": ...}``; ``data`` may stand for ``path``.

    Example:
        >>> is_mixture([{"path": "a.jsonl", "weight": 0.7}, {"path": "b.jsonl"}]), is_mixture([{"prompt": "Hi"}])
        (True, False)
    """
    parts = isinstance(data, list | tuple) and bool(data) and all(isinstance(each, Mapping) for each in data)
    return parts and all(len({"path", "data"} & set(each)) == 1 and set(each) <= _PART for each in data)


def as_paths(data: Any) -> Any:
    """Data in the form of a recipe: a path, a list of paths, named sources, or a mixture; None if it is in memory.

    Example:
        >>> as_paths({"forget": Path("a.jsonl")}), as_paths([{"prompt": "Hi"}]) is None
        ({'forget': 'a.jsonl'}, True)
    """
    if isinstance(data, str | Path):
        return str(data)
    if is_list_of_paths(data):
        return [str(each) for each in data]
    named = isinstance(data, Mapping) and data and all(isinstance(each, str | Path) for each in data.values())
    if named and _are_named(data, None):
        return {str(name): str(each) for name, each in data.items()}
    if not is_mixture(data) or not all(isinstance(each.get("path"), str | Path) for each in data):
        return None
    return [{**each, "path": str(each["path"])} for each in data]


def _mixture(data: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Sources:
    parts: dict[str, Feedback] = {}
    places = set()
    for number, each in enumerate(data, start=1):
        source = each["path"] if "path" in each else each["data"]
        own = {key: each[key] for key in ("split", "mapping", "kind") if each.get(key) is not None}
        on_disk = isinstance(source, str | Path)
        name = str(source) if on_disk else f"part {number} (in memory)"
        name = f"{name} ({own['split']})" if "split" in own else name
        place = (str(Path(source).expanduser().resolve()) if on_disk else name, own.get("split"))
        if place in places:
            raise ConfigurationError(
                f"The mixture contains {name!r} twice.", where="data", fix="Give it once, with the sum of the weights."
            )
        places.add(place)
        parts[name] = _part(source, {**options, **own}, name)
    first, *others = parts.items()
    for name, feedback in others:
        # Where pairs are asked for, rankings become pairs.
        if feedback.kind != first[1].kind and {feedback.kind, first[1].kind} != {Comparison.kind, Ranking.kind}:
            raise DataError(
                f"The records of {name!r} are of kind {feedback.kind!r}, those of {first[0]!r} of kind "
                f"{first[1].kind!r}.",
                where="data",
                why="All parts of a mixture must supply the same views.",
                fix="Mix parts of one kind, or set the kind to read them as: kind=...",
            )
    return Sources(parts, [float(each.get("weight", 1.0)) for each in data])


def _part(source: Any, options: Mapping[str, Any], name: str) -> Feedback:
    if isinstance(source, Feedback):
        feedback = _as_given(source, options)
    else:
        try:
            feedback = read(source, **options)
        except PenchantError as error:
            raise type(error)(
                f"In {name} of the mixture: {error.what}", where=error.where, why=error.why, fix=error.fix
            ) from error
    if not len(feedback):
        raise DataError(f"In {name} of the mixture: The data has no records.", where="data", fix="Leave it out.")
    return feedback
