"""Former hyper-parameters of an objective, or those of related objectives, with advice for the error message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["Former"]


@dataclass(frozen=True)
class Former:
    """A hyper-parameter, or one of its values, that an objective does not have, with what to use instead.

    Args:
        name: name of the hyper-parameter.
        otherwise: what to do, whatever the value.
        by_value: what to do for particular values; other values are handled like those of any hyper-parameter.

    Example:
        >>> loss_type = Former("loss_type", by_value={"dapo": "Use objective dapo."})
        >>> print(loss_type.error("objective grpo", "dapo"))
        objective grpo: There is no hyper-parameter 'loss_type' with the value 'dapo'. Use objective dapo.
    """

    name: str
    otherwise: str = ""
    by_value: Mapping[Any, str] = field(default_factory=dict)

    def error(self, owner: str, value: Any) -> ConfigurationError:
        """The error to raise if it is given.

        Args:
            owner: the objective, named in the message.
            value: the given value.
        """
        return ConfigurationError(
            f"There is no hyper-parameter {self.name!r} with the value {value!r}.",
            where=owner,
            fix=next(iter(self._advice(value)), self.otherwise),
        )

    def covers(self, value: Any) -> bool:
        """Whether there is advice for this value.

        Args:
            value: the given value.
        """
        return bool(self.otherwise or self._advice(value))

    def _advice(self, value: Any) -> list[str]:
        return [advice for each, advice in self.by_value.items() if each == value]
