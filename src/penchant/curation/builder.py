"""`Builder`: the base class of data builders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from penchant.curation.registry import BUILDERS
from penchant.curation.rows import Built
from penchant.errors import ConfigurationError
from penchant.feedback.collection import Feedback
from penchant.registry import Configurable

__all__ = ["Builder", "Progress"]

#: Called with the work done, the total work (in any unit), and the name of the current stage.
Progress = Callable[[int, int, str], None]


class Builder(Configurable, ABC):
    """Makes rows of feedback from records of feedback.

    A subclass sets ``id``, ``reads`` and ``writes``, declares its settings as annotated fields, and implements
    ``build``. ``penchant data build ID`` is generated from that: the settings are its options, the first line of the
    docstring is its help.

    Args:
        settings: values by name.

    Raises:
        ConfigurationError: a setting is unknown or missing, or a value has the wrong type or is out of range.

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

    #: The id in ``penchant data build``; a class without an id is not registered.
    id: str = ""
    #: Description of the records that it takes.
    reads: ClassVar[str] = "comparisons"
    #: The fields of a record that it writes; if a method needs a missing field, the error names this builder.
    writes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "id" in vars(cls):
            if not (cls.__doc__ or "").strip():
                raise ConfigurationError(
                    "The builder has no docstring.",
                    where=f"{cls.__module__}.{cls.__qualname__}",
                    fix="Add one; its first line is the help of the command.",
                )
            cls.declared_settings()  # a malformed declaration fails at the class definition, not at first use
            BUILDERS.add(cls.id, cls)

    @abstractmethod
    def build(self, records: Feedback) -> Built:
        """Build the rows, and count the records used and dropped.

        Args:
            records: what was read.

        Raises:
            DataError: a record is of the wrong kind for this builder.
        """

    def build_resumably(self, records: Feedback, keep: Path | None, progress: Progress) -> Built:
        """Build the rows resumably; builders with long-running work override this.

        Args:
            records: what was read.
            keep: a file for unfinished work, so that a stopped run can continue; the caller removes it once
                the rows are written. None keeps nothing.
            progress: called as the work progresses.
        """
        built = self.build(records)
        progress(1, 1, "")
        return built
