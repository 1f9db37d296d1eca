"""What every builder of data is: settings, the records it reads, the fields it writes, and how it makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from penchant.curation.registry import BUILDERS
from penchant.curation.rows import Built
from penchant.errors import ConfigurationError
from penchant.feedback.collection import Feedback
from penchant.registry import Configurable

__all__ = ["Builder", "Progress"]

#: Called with the work done, the work in all (in any unit), and a word on what is being worked on.
Progress = Callable[[int, int, str], None]


class Builder(Configurable):
    """Makes rows of feedback from records of feedback.

    A subclass states ``id``, ``reads`` and ``writes``, declares its settings as annotated fields, and writes ``build``.
    ``penchant data build ID`` is made from that: the settings are its options, the first line of the docstring is its
    help.

    Args:
        settings: values by name.

    Raises:
        ConfigurationError: an unknown or missing setting, a wrong type, or a value out of range.

    Example:
        >>> class Marked(Builder):
        ...     '''Every record with a field that says where it comes from.'''
        ...
        ...     writes = ("origin",)
        ...
        ...     def build(self, records):
        ...         return Built([{"prompt": each.prompt, "origin": str(each.source)} for each in records])
        >>> from penchant.feedback import read
        >>> Marked().build(read([{"prompt": "Hi"}])).rows
        [{'prompt': 'Hi', 'origin': 'memory:1'}]
    """

    kind = "builder"

    #: The name in ``penchant data build``; a class without one is not registered.
    id: str = ""
    #: The records that it takes, in words.
    reads: ClassVar[str] = "comparisons"
    #: The fields of a record that it writes; methods that ask for one of them name this builder where it is missing.
    writes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "id" in vars(cls):
            if not (cls.__doc__ or "").strip():
                raise ConfigurationError(
                    "The builder has no docstring.",
                    where=f"{cls.__module__}.{cls.__qualname__}",
                    fix="Write one; its first line is the help of the command.",
                )
            cls.declared_settings()  # a malformed declaration fails where it is made, not where it is used
            BUILDERS.add(cls.id, cls)

    def build(self, records: Feedback) -> Built:
        """The rows, and a count of what became of the records.

        Args:
            records: what was read.

        Raises:
            DataError: a record is not what this builder takes.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method `build`.")

    def build_resumably(self, records: Feedback, keep: Path, progress: Progress) -> Built:
        """The same for work that takes long; one that takes an instant need not write this.

        Args:
            records: what was read.
            keep: a file for unfinished work, so that a stopped run continues where it was; the caller removes it once
                the rows are written.
            progress: called as the work progresses.
        """
        built = self.build(records)
        progress(1, 1, "")
        return built
