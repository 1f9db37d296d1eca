"""`NoReference`: the reference of a run without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from penchant.errors import ConfigurationError
from penchant.likelihood.references.reference import Reference

__all__ = ["NoReference", "refuse_none", "refuse_whole"]


def refuse_none() -> NoReturn:
    """Say that a reference is needed and there is none.

    Raises:
        ConfigurationError: always.
    """
    raise ConfigurationError(
        "The objective needs a reference, but the reference is 'none'.",
        fix="Choose reference=initial (a frozen copy) or reference=cached (log-probabilities kept on disk).",
    )


def refuse_whole(what: str) -> NoReturn:
    """Say that a cache has one number per token, and more is needed.

    Args:
        what: what is needed.

    Raises:
        ConfigurationError: always.
    """
    raise ConfigurationError(
        f"{what}; the cache has one number per token.", where="reference", fix="Use reference=initial."
    )


class NoReference(Reference[object, object]):
    """The placeholder for a run without a reference."""

    kind = "none"

    def score(self, laid: object, whole: bool = False, layers: Sequence[str] = ()) -> NoReturn:
        """Not available.

        Raises:
            ConfigurationError: always.
        """
        refuse_none()
