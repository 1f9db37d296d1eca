"""Adapters: functions that evaluate a method on a published case, registered by the id and file of the case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import update_wrapper
from typing import Any

from penchant.errors import ConfigurationError
from penchant.receipts.cases import Case
from penchant.registry import Registry

__all__ = ["ADAPTERS", "SHARED_IDS", "Adapter", "adapter", "find_adapter", "means_another"]

#: Maps a case to results under the names of its file: numbers, texts, lists, tensors.
Evaluation = Callable[[Case], dict[str, Any]]

#: Ids that occur in two published files with different inputs, some of them for different methods.
SHARED_IDS: dict[str, tuple[str, ...]] = {
    "gpo": ("online", "reward-and-preference-models"),
    "ospo": ("diffusion", "multimodal-and-data-construction"),
    "rdpo": ("multimodal-and-data-construction", "pairwise"),
    "vision-r1": ("multimodal-and-data-construction", "online"),
    "visual-rft": ("multimodal-and-data-construction", "online"),
}


class Adapter:
    """A function that evaluates the published cases of an id.

    Args:
        evaluate: the function.
        file: for an id in `SHARED_IDS`, the file whose cases it evaluates; otherwise empty.
        evaluates: the id of the method that a case evaluates, if it differs from the published id; a function from the
            case to the id if a published id covers several methods.
    """

    def __init__(self, evaluate: Evaluation, file: str, evaluates: str | Callable[[Case], str]) -> None:
        update_wrapper(self, evaluate)  # the registry compares definitions by module and name
        self.file = file
        self._evaluate, self._evaluates = evaluate, evaluates

    def __call__(self, case: Case) -> dict[str, Any]:
        return self._evaluate(case)

    def method(self, case: Case) -> str:
        """The id of the method that a case evaluates."""
        named = self._evaluates(case) if callable(self._evaluates) else self._evaluates
        return named or case.method


#: All adapters by published id; by ``ID-in-FILE`` for ids in `SHARED_IDS`.
ADAPTERS: Registry[Adapter] = Registry("adapter", "penchant.receipts")


def adapter(
    *methods: str, file: str = "", evaluates: str | Callable[[Case], str] = ""
) -> Callable[[Evaluation], Evaluation]:
    """Register a function that evaluates the published cases of some ids.

    It belongs in the file of its family in this package and only translates between published names and ours. An
    objective whose cases use our names needs no adapter.

    Args:
        methods: ids in the case files.
        file: for an id in `SHARED_IDS`, the name of its file without suffix.
        evaluates: the id of the method that a case evaluates, or a function from the case to it; by default the
            published id.

    Returns:
        A decorator that returns the function unchanged.

    Raises:
        ConfigurationError: another function is registered for the same cases, or the file is missing or not allowed.

    Example:
        >>> @adapter("example-sum")
        ... def example_sum(case):
        ...     return {"total": case.params["scale"] * sum(case.inputs["values"])}
        >>> case = Case("example-sum", {"scale": 2.0}, {"values": [1.0, 2.0]})
        >>> find_adapter(case)(case)
        {'total': 6.0}
        >>> ADAPTERS.remove("example-sum")
    """

    def register(evaluate: Evaluation) -> Evaluation:
        for method in methods:
            files = SHARED_IDS.get(method, ("",))
            if file not in files:
                raise ConfigurationError(
                    f"The adapter of {method!r} is given the file {file!r}.",
                    where=f"{evaluate.__module__}.{evaluate.__qualname__}",
                    fix=f"Expected {' or '.join(map(repr, files))}: only ids that occur in several files take a file.",
                )
            ADAPTERS.add(_key(method, file), Adapter(evaluate, file, evaluates))
        return evaluate

    return register


def find_adapter(case: Case) -> Adapter | None:
    """The adapter of a case, by its id and, if several files use the id, by its file.

    A case from another file, or without file, belongs to our method with that id.

    Args:
        case: any case.

    Returns:
        The adapter, or None if there is none.

    Raises:
        ConfigurationError: several adapters match the id, and the case is from none of their files.
    """
    files = SHARED_IDS.get(case.method, ())
    if not files or case.file in files:
        key = _key(case.method, case.file if files else "")
        return ADAPTERS.get(key) if key in ADAPTERS else None
    ours = [each for each in _bound(case.method) if each.method(case) == case.method]
    if len(ours) > 1:
        raise ConfigurationError(
            f"Cases of {case.method!r} have different inputs in the files {', '.join(each.file for each in ours)}.",
            where=f"case {case.name!r}" if case.name else None,
            fix="Give the file of the case.",
        )
    return ours[0] if ours else None


def means_another(case: Case) -> bool:
    """Whether the id of a case names a different method in its file than the one implemented here.

    Args:
        case: any case.

    Raises:
        ConfigurationError: the id occurs in several files, and no adapter decides between them.

    Example:
        >>> [means_another(Case("rdpo", {}, {}, file=file)) for file in SHARED_IDS["rdpo"]]
        [True, False]
    """
    if case.file not in SHARED_IDS.get(case.method, ()) or find_adapter(case) is not None:
        return False
    if not any(_bound(case.method)):
        raise ConfigurationError(
            f"The id {case.method!r} occurs in several files, and no adapter decides between them.",
            fix=f"Register an adapter with file= one of {', '.join(SHARED_IDS[case.method])}.",
        )
    return True


def _bound(method: str) -> Iterator[Adapter]:
    """The adapters of an id that occurs in several files."""
    return (ADAPTERS.get(key) for file in SHARED_IDS[method] if (key := _key(method, file)) in ADAPTERS)


def _key(method: str, file: str) -> str:
    return f"{method}-in-{file}" if file else method
