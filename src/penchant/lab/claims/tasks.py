"""What a run over claims has to measure, what is known already, and how long the rest takes."""

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

__all__ = ["Measured", "Task", "WorkPlan", "claims_cache", "plan_work"]


@dataclass(frozen=True)
class Task:
    """One seed of a claim.

    Args:
        claim: the claim.
        seed: what it is measured with.
        sources: the hash of the code that it depends on.
        path: where the cache keeps what comes out.
    """

    claim: type[Claim]
    seed: int
    sources: str
    path: Path


@dataclass(frozen=True)
class Measured:
    """What a task gave.

    Args:
        task: the task.
        arms: the number of each arm.
        seconds: of processor time.
        failure: the traceback where it failed.
    """

    task: Task
    arms: Mapping[str, float]
    seconds: float
    failure: str = ""

    def keep(self) -> None:
        """Write it into the cache, whole or not at all."""
        path = self.task.path
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps({"arms": dict(self.arms), "seconds": self.seconds}), encoding="utf-8")
        partial.replace(path)


@dataclass(frozen=True)
class WorkPlan:
    """A run over claims.

    Args:
        claims: what is run, in this order.
        known: seeds that need not be measured.
        open: seeds that must be.
        seconds: processor time that ``open`` takes, from recorded times; None where none is recorded.
    """

    claims: tuple[type[Claim], ...]
    known: tuple[Measured, ...]
    open: tuple[Task, ...]
    seconds: float | None

    def estimate(self, jobs: int) -> str:
        """How much there is to do, in words.

        Args:
            jobs: number of processes.
        """
        total = len(self.known) + len(self.open)
        if not self.open:
            return f"all {total} seeds are known; nothing is measured"
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
    """Find out what has to be measured: every seed whose result is neither in the cache nor in the record.

    A result counts only where the code that it depends on is still the same (`penchant.lab.claims.sources`).

    Args:
        claims: the claims, each once.
        cache: folder; by default `claims_cache`.
        seeds: other seeds than the claims' own, for tuning.
        record: recorded results by claim id, as `read_record` gives them.
        fresh: measure everything, whatever is known.

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
    """What the cache holds; a file that cannot be read is measured again."""
    try:
        kept = json.loads(task.path.read_text(encoding="utf-8"))
        return Measured(task, dict(kept["arms"]), float(kept["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _recorded(task: Task, entry: Entry | None) -> Measured | None:
    """What the record holds of a seed, if the code is still the same."""
    if entry is None or entry["sources"] != task.sources or task.seed not in entry["seeds"]:
        return None
    place = entry["seeds"].index(task.seed)
    arms = {arm: values[place] for arm, values in entry["arms"].items()}
    return Measured(task, arms, entry["seconds"] / len(entry["seeds"]))


def _seconds(tasks: Sequence[Task], record: Mapping[str, Entry]) -> float | None:
    """The recorded time of each claim's seeds; of a new claim the mean over those of the same cost."""
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
