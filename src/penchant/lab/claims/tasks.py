"""Work plans of runs of claims: known seeds, open seeds, and the estimated time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from penchant.errors import OutputError
from penchant.lab.claims.claim import Claim
from penchant.lab.claims.record import Entry
from penchant.lab.claims.sources import source_hash
from penchant.writing import write_json

__all__ = ["Measured", "Task", "WorkPlan", "claims_cache", "plan_work"]


@dataclass(frozen=True)
class Task:
    """One seed of a claim.

    Args:
        claim: the claim.
        seed: the seed.
        sources: the hash of the code that the result depends on.
        path: the path of the result in the cache.
    """

    claim: type[Claim]
    seed: int
    sources: str
    path: Path


@dataclass(frozen=True)
class Measured:
    """The result of a task.

    Args:
        task: the task.
        arms: the number per arm.
        seconds: processor time.
        failure: the traceback if it failed, else empty.
    """

    task: Task
    arms: Mapping[str, float]
    seconds: float
    failure: str = ""

    def keep(self) -> None:
        """Write it to the cache atomically."""
        found = {"arms": dict(self.arms), "seconds": self.seconds}
        write_json(self.task.path, found, "The measured seed", indent=None, fix="Give a writable folder with --cache.")


@dataclass(frozen=True)
class WorkPlan:
    """A planned run of claims.

    Args:
        claims: the claims to run, in order.
        known: results of seeds that are already measured.
        open: seeds that must be measured.
        seconds: estimated processor time of ``open``, from recorded times; None if there are none.
    """

    claims: tuple[type[Claim], ...]
    known: tuple[Measured, ...]
    open: tuple[Task, ...]
    seconds: float | None

    def estimate(self, jobs: int) -> str:
        """The amount of work as text.

        Args:
            jobs: number of processes.
        """
        total = len(self.known) + len(self.open)
        if not self.open:
            return f"all {total} seeds are known; nothing to measure"
        words = f"{len(self.open)} of {total} seeds to measure"
        if self.seconds is None:
            return words
        minutes = self.seconds / 60 / min(jobs, len(self.open))
        time = f"{minutes / 60:.1f} hours" if minutes >= 90 else f"{max(1, round(minutes))} min"
        return f"{words}, about {time} (by the recorded times)"


def claims_cache() -> Path:
    """``penchant/claims`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penchant" / "claims"


def plan_work(
    claims: Sequence[type[Claim]],
    *,
    cache: Path | None = None,
    seeds: Sequence[int] | None = None,
    record: Mapping[str, Entry] | None = None,
    fresh: bool = False,
) -> WorkPlan:
    """Plan a run: all seeds whose result is neither in the cache nor in the record must be measured.

    A result counts only if the code that it depends on has not changed (`penchant.lab.claims.sources`).

    Args:
        claims: the claims, without duplicates.
        cache: folder; by default `claims_cache`.
        seeds: seeds that replace those of the claims, for tuning.
        record: recorded results by claim id, from `read_record`.
        fresh: measure everything again.

    Raises:
        OutputError: the cache cannot be written.
    """
    record = record or {}
    known: list[Measured] = []
    unknown: list[Task] = []
    for task in _tasks(claims, claims_cache() if cache is None else cache, seeds):
        found = None if fresh else _read(task) or _recorded(task, record.get(task.claim.id))
        known += [found] if found else []
        unknown += [] if found else [task]
    return WorkPlan(tuple(claims), tuple(known), tuple(unknown), _seconds(unknown, record))


def _tasks(claims: Sequence[type[Claim]], folder: Path, seeds: Sequence[int] | None) -> Iterator[Task]:
    for claim in claims:
        sources = source_hash(claim)
        try:
            (folder / claim.id).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The cache of claims cannot be written ({error.strerror or error}).",
                where=str(folder),
                fix="Give another folder with --cache.",
            ) from error
        for seed in seeds or tuple(claim.seeds):
            yield Task(claim, seed, sources, folder / claim.id / f"seed-{seed}-{sources}.json")


def _read(task: Task) -> Measured | None:
    """The cached result; None if it is missing or unreadable."""
    try:
        kept = json.loads(task.path.read_text(encoding="utf-8"))
        return Measured(task, dict(kept["arms"]), float(kept["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _recorded(task: Task, entry: Entry | None) -> Measured | None:
    """The recorded result of a seed, if the code has not changed."""
    if entry is None or entry["sources"] != task.sources or task.seed not in entry["seeds"]:
        return None
    place = entry["seeds"].index(task.seed)
    arms = {arm: values[place] for arm, values in entry["arms"].items()}
    return Measured(task, arms, entry["seconds"] / len(entry["seeds"]))


def _seconds(tasks: Sequence[Task], record: Mapping[str, Entry]) -> float | None:
    """The estimated time by recorded times; for a new claim, the mean over claims of the same cost."""
    times = {name: entry["seconds"] / len(entry["seeds"]) for name, entry in record.items()}
    by_cost: dict[str, list[float]] = {}
    for claim in {task.claim for task in tasks}:
        if claim.id in times:
            by_cost.setdefault(claim.cost, []).append(times[claim.id])
    total = 0.0
    for task in tasks:
        if task.claim.id in times:
            total += times[task.claim.id]
        elif task.claim.cost in by_cost:
            total += fmean(by_cost[task.claim.cost])
        else:
            return None
    return total
