"""Hyper-parameters that an objective had, or that a relative has: what the error says to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["Former"]


@dataclass(frozen=True)
class Former:
    """A hyper-parameter that an objective does not have, with what to do instead.

    Args:
        name: of the hyper-parameter.
        otherwise: what to do whatever its value is.
        by_value: what to do for single values.

    Example:
        >>> loss_type = Former("loss_type", by_value={"dapo": "Use objective dapo."})
        >>> print(loss_type.error("objective grpo", "dapo"))
        objective grpo: There is no hyper-parameter 'loss_type' (it is 'dapo'). Use objective dapo.
    """

    name: str
    otherwise: str = ""
    by_value: Mapping[Any, str] = field(default_factory=dict)

    def error(self, owner: str, value: Any) -> ConfigurationError:
        """The error where it is given all the same.

        Args:
            owner: the objective, for the message.
            value: what was given.
        """
        known = [advice for each, advice in self.by_value.items() if each == value]
        choices = f"It was one of {', '.join(map(repr, self.by_value))}." if self.by_value else None
        return ConfigurationError(
            f"There is no hyper-parameter {self.name!r} (it is {value!r}).",
            where=owner,
            fix=next(iter(known), self.otherwise or choices),
        )
