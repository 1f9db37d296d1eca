"""What a program is fenced by, in words: each fence, how it is held, and what is left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Fence", "fences_of", "open_sentence", "signals_fenced"]


@dataclass(frozen=True)
class Fence:
    """One thing that a program may not do.

    Args:
        name: of what is fenced.
        held_by: what holds the fence; empty if nothing does.
        gap: what is left open, as the end of a sentence; empty if nothing is.
    """

    name: str
    held_by: str
    gap: str = ""

    def __bool__(self) -> bool:
        return bool(self.held_by)


def fences_of(means: Mapping[str, Any]) -> tuple[Fence, ...]:
    """Every fence, in the order of the documentation.

    Args:
        means: what the kernel gives, as a keeper found it.
    """
    return (
        Fence("wall time", "the keeper's clock"),
        Fence("CPU time", "RLIMIT_CPU for each process, the keeper for all together"),
        Fence("memory", "RLIMIT_AS for each process, the keeper for all together, 40 times a second"),
        _processes(means),
        _group(means),
        _files(means),
        _size(means),
        _network(means),
        Fence("environment", "an empty environment"),
        Fence("output", "pipes that are read up to the limit"),
        _others(means),
    )


def signals_fenced(means: Mapping[str, Any]) -> bool:
    """Whether a program cannot end other processes of this user; no program runs where it could."""
    return bool(means["pids"] == "namespace" or means["seccomp"] or means["user"])


def _processes(means: Mapping[str, Any]) -> Fence:
    held = {
        "user": "RLIMIT_NPROC of a user of its own",
        "user namespace": "RLIMIT_NPROC in a namespace of users",
    }.get(means["count"])
    if held:
        return Fence("number of processes", held)
    gap = "it may start more processes than allowed for up to a fortieth of a second"
    return Fence("number of processes", "counting, 40 times a second", gap)


def _group(means: Mapping[str, Any]) -> Fence:
    if means["pids"] == "namespace":
        return Fence("children left behind", "a namespace of processes, which ends as a whole")
    gap = "if the keeper itself is killed, the children of the program that it runs live on"
    return Fence("children left behind", "the keeper adopts and kills orphans", gap)


def _files(means: Mapping[str, Any]) -> Fence:
    if means["room"]:
        return Fence("files", "a root of its own: an empty folder, and Python read-only")
    if means["landlock"]:
        gap = "it sees names, sizes and dates of files elsewhere, but no contents"
        return Fence("files", "Landlock: an empty folder, and Python read-only", gap)
    if means["user"]:
        return Fence("files", "", "it reads every file that everyone may read")
    return Fence("files", "", "it reads and writes every file that you may")


def _size(means: Mapping[str, Any]) -> Fence:
    if means["room"]:
        return Fence("size of files", "RLIMIT_FSIZE for each, a file system in memory for all")
    return Fence("size of files", "RLIMIT_FSIZE for each", "it may write many files of the largest size")


def _network(means: Mapping[str, Any]) -> Fence:
    ways = ["a namespace without network"] if means["network"] else []
    ways += ["a seccomp filter without sockets"] if means["seccomp"] else []
    return Fence("network", " and ".join(ways), "" if ways else "it reaches the network")


def _others(means: Mapping[str, Any]) -> Fence:
    if means["pids"] == "namespace":
        return Fence("other processes", "a namespace of processes")
    if means["seccomp"]:
        return Fence("other processes", "a seccomp filter without signals and tracing")
    return Fence("other processes", "a user of its own")


def open_sentence(means: Mapping[str, Any]) -> str:
    """What is not fenced, as one sentence; empty if everything is.

    Example:
        >>> open_sentence({"pids": "namespace", "room": True, "network": False, "seccomp": False, "landlock": False,
        ...     "user": 0, "count": "user namespace"})
        'Not fenced here: it reaches the network.'
    """
    gaps = [fence.gap for fence in fences_of(means) if fence.gap]
    return f"Not fenced here: {'; '.join(gaps)}." if gaps else ""
