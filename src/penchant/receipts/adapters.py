"""Kernels that can be checked against published numbers although they are not objectives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["Kernel", "kernels", "receipt"]

#: Takes hyper-parameters and inputs as plain numbers and lists, gives results by name in the same form.
Kernel = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]

_kernels: dict[str, Kernel] = {}


def receipt(name: str) -> Callable[[Kernel], Kernel]:
    """Register a function that evaluates a method on plain numbers, for ``penchant receipts``.

    It stands beside the kernel it evaluates (a sampler, a schedule, a metric, a merge) and only translates. An
    objective needs none.

    Args:
        name: the method's id in the files of cases.

    Returns:
        A decorator that returns the function unchanged.

    Raises:
        ConfigurationError: another function is registered under that id.

    Example:
        >>> @receipt("example-sum")
        ... def example_sum(params, inputs):
        ...     return {"total": params["scale"] * sum(inputs["values"])}
        >>> kernels()["example-sum"]({"scale": 2.0}, {"values": [1.0, 2.0]})
        {'total': 6.0}
        >>> del _kernels["example-sum"]
    """

    def register(kernel: Kernel) -> Kernel:
        place = f"{kernel.__module__}.{kernel.__qualname__}"
        holder = _kernels.get(name)
        if holder is not None and f"{holder.__module__}.{holder.__qualname__}" != place:
            raise ConfigurationError(
                f"The receipt {name!r} is already given by {holder.__module__}.{holder.__qualname__}.", where=place
            )
        _kernels[name] = kernel
        return kernel

    return register


def kernels() -> dict[str, Kernel]:
    """The functions registered so far, by id.

    Example:
        >>> isinstance(kernels(), dict)
        True
    """
    return dict(_kernels)
