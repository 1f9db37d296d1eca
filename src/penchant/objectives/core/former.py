"""Hyper-parameters that an objective had, or that a relative has: what the error says to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["Former"]


@dataclass(frozen=True)
class Former:
    """A hyper-parameter, or a value of one, that an objective does not have, with what to do instead.

    Args:
        name: of the hyper-parameter.
        otherwise: what to do whatever its value is.
        by_value: what to do for single values; others are refused, or taken, as for any hyper-parameter.

    Example:
        >>> loss_type = Former("loss_type", by_value={"dapo": "Use objective dapo."})
        >>> print(loss_type.error("objective grpo", "dapo"))
        objective grpo: There is no hyper-parameter 'loss_type' with the value 'dapo'. Use objective dapo.
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
        return ConfigurationError(
            f"There is no hyper-parameter {self.name!r} with the value {value!r}.",
            where=owner,
            fix=next(iter(self._advice(value)), self.otherwise),
        )

    def covers(self, value: Any) -> bool:
        """Whether something is known to do instead.

        Args:
            value: what was given.
        """
        return bool(self.otherwise or self._advice(value))

    def _advice(self, value: Any) -> list[str]:
        return [advice for each, advice in self.by_value.items() if each == value]
