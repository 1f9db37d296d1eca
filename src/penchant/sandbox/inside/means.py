"""Which fences the kernel gives this user: each is tried, and what works stays in place."""

from __future__ import annotations

import os
import platform
from typing import Any

from penchant.sandbox.inside.room import build_room, python_places
from penchant.sandbox.kernel import calls
from penchant.sandbox.kernel.landlock import landlock_version

__all__ = ["enter", "remove"]

_USERS_FROM, _USERS = 0x70000000, 0x0FFFFFFF
_SET_USER, _ADMIN = 7, 21
# From this version on, the limit on processes counts within a namespace of users.
_COUNTS_PER_NAMESPACE = (5, 14)


def enter(base: str, without: list[str]) -> dict[str, Any]:
    """Put this process into all the namespaces that it may have.

    Args:
        base: an empty folder, which becomes the root.
        without: means to do without: ``namespaces``, ``users``, ``seccomp``, ``landlock``.

    Returns:
        What works, by name: ``pids`` (``namespace`` or ``orphans``), ``room`` and ``network`` (bool), ``seccomp``,
        ``landlock`` (bool), ``user`` (the user that programs become; 0 for the same one) and ``count`` (what holds the
        number of processes: ``user``, ``user namespace`` or ``polling``).
    """
    means: dict[str, Any] = {"pids": "orphans", "room": False, "network": False, "ipc": False}
    user = 0 if "users" in without else _spare_user(base)
    namespaces = "namespaces" not in without and (_has(_ADMIN) or _new_users())
    if namespaces:
        if _tried(_new_pids, base):
            means["pids"] = "namespace"
        means["network"] = _tried(calls.unshare, calls.NEW_NETWORK)
        means["ipc"] = _tried(calls.unshare, calls.NEW_IPC | calls.NEW_UTS)
        means["room"] = _tried(build_room, base)
    if means["pids"] == "orphans":
        calls.adopt_orphans()
    means["landlock"] = not means["room"] and "landlock" not in without and landlock_version() > 0
    means["seccomp"] = "seccomp" not in without and calls.MACHINE in ("x86_64", "aarch64") and _tried(_filters)
    if user and not means["room"] and not _everyone_reads(base):
        user = 0
    means["user"] = user
    counted = namespaces and os.geteuid() != 0 and _kernel() >= _COUNTS_PER_NAMESPACE
    means["count"] = "user" if user else "user namespace" if counted else "polling"
    return means


def remove(base: str) -> None:
    """Remove the keeper's empty folder, where the process that made it has gone."""
    _tried(os.rmdir, base)


def _has(capability: int) -> bool:
    """Whether this process has a privilege."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        [line] = [line for line in file if line.startswith("CapEff:")]
    return bool(int(line.split()[1], 16) >> capability & 1)


def _spare_user(base: str) -> int:
    """A user of which there is no other process; 0 where this user may not become another."""
    if os.geteuid() or not _has(_SET_USER):
        return 0
    # Two users: this one for the program, the next one for what examines it.
    for user in (_USERS_FROM + 2 * os.getpid() % _USERS, 40000 + 2 * os.getpid() % 20000):
        try:
            os.chown(base, user + 1, user + 1)
            os.chown(base, 0, 0)
        except OSError:
            continue
        return user
    return 0


def _new_users() -> bool:
    """A namespace of users, in which this one may make the others."""
    user, group = os.geteuid(), os.getegid()
    if not _tried(calls.unshare, calls.NEW_USERS):
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
        except OSError:
            return False
    return True


def _new_pids(base: str) -> None:
    """Go on as the first process of a namespace of processes; the process outside waits for its end.

    A keeper must be in a namespace of its own user to come back from those of its programs.
    """
    calls.unshare(calls.NEW_PIDS)
    inner = os.fork()
    if inner:
        _, status = os.waitpid(inner, 0)
        remove(base)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    calls.die_with_parent()


def _filters() -> None:
    """Whether the kernel has seccomp filters: asking for one at no address must fail with "bad address"."""
    try:
        calls.process_control(22, 2, 0)
    except OSError as error:
        if error.errno != 14:
            raise


def _everyone_reads(base: str) -> bool:
    """Whether another user reaches the Python installation and the folder of the program."""
    places, _hidden = python_places()
    for place in [*places, base]:
        folder = os.path.dirname(os.path.realpath(place))
        while True:
            if not os.stat(folder).st_mode & 0o001:
                return False
            if folder == "/":
                break
            folder = os.path.dirname(folder)
    return True


def _kernel() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor)) or 0)


def _tried(act: Any, *arguments: Any) -> bool:
    try:
        act(*arguments)
    except OSError:
        return False
    return True
