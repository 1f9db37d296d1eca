"""Fences around one process, for good: limits, another user, files, system calls, and no privilege."""

from __future__ import annotations

import os
import resource
from typing import Any

from penchant.sandbox.kernel import calls
from penchant.sandbox.kernel.landlock import confine
from penchant.sandbox.kernel.seccomp import filter_calls

__all__ = ["fence"]

_FILES = 64


def fence(limits: dict[str, Any], means: dict[str, Any], user: int, box: str | None, places: list[str]) -> None:
    """Fence this process and all that it will start.

    Args:
        limits: of `Limits`, by name.
        means: what the keeper has found to work.
        user: the user to become; 0 to stay the same one.
        box: the folder to which it may write; None for nowhere.
        places: what it may read.
    """
    if means["landlock"]:
        confine([*places, "/dev/null", "/dev/zero", "/dev/urandom"], [box] if box else [])
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _limit(limits, means, bool(user))
    calls.no_new_privileges()
    if means["pids"] != "namespace":
        calls.die_with_parent()  # after the change of user, which forgets it
    calls.drop_capabilities()
    if means["seccomp"]:
        filter_calls(signals=means["pids"] != "namespace")


def _limit(limits: dict[str, Any], means: dict[str, Any], own_user: bool) -> None:
    seconds = max(1, int(-(-limits["cpu_seconds"] // 1)))
    _set(resource.RLIMIT_CPU, seconds)
    _set(resource.RLIMIT_AS, limits["memory"])
    _set(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _set(resource.RLIMIT_NOFILE, _FILES)
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_MEMLOCK, 0)
    if own_user:
        _set(resource.RLIMIT_NPROC, limits["processes"])
    elif means["count"] == "user namespace":
        # The keeper, the process above it and the cell belong to the same user of the namespace.
        _set(resource.RLIMIT_NPROC, limits["processes"] + 3)


def _set(kind: int, value: int) -> None:
    _soft, hard = resource.getrlimit(kind)
    least = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (least, least))
