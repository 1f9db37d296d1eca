"""`Limits`: how much a program may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["Limits"]

_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """How much one program, with everything that it starts, may use.

    Args:
        seconds: wall time.
        cpu_seconds: CPU time; the kernel counts whole seconds.
        memory: bytes of memory: the address space of each process, and the resident memory of all together.
        processes: processes and threads at one time.
        file_bytes: bytes of the largest file.
        folder_bytes: bytes of all its files together, where it has a file system of its own.
        output_bytes: bytes of output and error stream together; a program that writes more is ended.

    Raises:
        ConfigurationError: a limit is not a positive number, or too small for Python to start.

    Example:
        >>> Limits(seconds=2).cpu_seconds
        10.0
    """

    seconds: float = 10.0
    cpu_seconds: float = 10.0
    memory: int = 512 * _MIB
    processes: int = 16
    file_bytes: int = 16 * _MIB
    folder_bytes: int = 64 * _MIB
    output_bytes: int = _MIB

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = 64 * _MIB if name == "memory" else 0
            if not least < value < float("inf"):
                more = f"more than {least}" if least else "a positive number"
                raise ConfigurationError(f"{name!r} is {value!r}, expected {more}.", where="limits of the sandbox")

    def as_message(self) -> dict[str, Any]:
        """The limits by name."""
        return asdict(self)
