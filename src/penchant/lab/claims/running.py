"""Running claims: seed by seed, in several processes, with cached results."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penchant.lab.claims.claim import Claim
from penchant.lab.claims.judging import Finding, judge
from penchant.lab.claims.record import Entry
from penchant.lab.claims.tasks import Measured, Task, WorkPlan, plan_work

__all__ = ["Outcome", "run_claims", "run_plan"]

#: Called with a claim's id, the number of finished seeds and the total number.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run of claims.

    Args:
        findings: findings of the claims whose seeds are all measured, in the requested order.
        failures: claim id -> traceback of its first failed seed.
    """

    findings: list[Finding]
    failures: dict[str, str]


def run_claims(
    claims: Sequence[type[Claim]],
    *,
    jobs: int = 1,
    cache: Path | None = None,
    seeds: Sequence[int] | None = None,
    record: Mapping[str, Entry] | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Measure the missing seeds of claims and judge them: `plan_work` followed by `run_plan`.

    Args:
        claims, cache, seeds, record, fresh: as for `penchant.lab.claims.tasks.plan_work`.
        jobs, progress: as for `run_plan`.

    Raises:
        OutputError: the cache cannot be written.
        KeyboardInterrupt: the run was interrupted; finished seeds are cached.
    """
    plan = plan_work(claims, cache=cache, seeds=seeds, record=record, fresh=fresh)
    return run_plan(plan, jobs=jobs, progress=progress)


def run_plan(plan: WorkPlan, *, jobs: int = 1, progress: Progress | None = None) -> Outcome:
    """Measure the open seeds of a plan and judge its claims.

    Each seed is cached as soon as it is measured, so an interrupted run resumes where it stopped.

    Args:
        plan: the known and the open seeds.
        jobs: number of processes; with 1 everything runs in this process.
        progress: called after each measured seed.

    Returns:
        The outcome. If a claim fails, the others continue.

    Raises:
        KeyboardInterrupt: the run was interrupted; finished seeds are cached.
    """
    results: dict[type[Claim], list[Measured]] = {claim: [] for claim in plan.claims}
    failures: dict[str, str] = {}
    for measured in plan.known:
        results[measured.task.claim].append(measured)
    for done, measured in enumerate(_measure_all(plan.open, jobs), start=len(plan.known) + 1):
        claim = measured.task.claim
        if measured.failure:
            failures.setdefault(claim.id, measured.failure)
        else:
            results[claim].append(measured)
        if progress is not None:
            progress(claim.id, done, len(plan.known) + len(plan.open))
    return Outcome([_finding(claim, found) for claim, found in results.items() if claim.id not in failures], failures)


def _finding(claim: type[Claim], measured: Sequence[Measured]) -> Finding:
    arms = {each.task.seed: each.arms for each in measured}
    return judge(claim, arms, sum(each.seconds for each in measured), measured[0].task.sources)


def _measure_all(tasks: Sequence[Task], jobs: int) -> Iterator[Measured]:
    """Results in the order of completion."""
    jobs = min(jobs, len(tasks))
    if jobs > 1:
        with _workers(jobs) as pool:
            yield from pool.imap_unordered(_measure, tasks)
    else:
        yield from map(_measure, tasks)


@contextmanager
def _workers(jobs: int) -> Iterator[multiprocessing.pool.Pool]:  # type: ignore[name-defined]
    # Spawned, not forked: threads of PyTorch do not survive a fork.
    pool = multiprocessing.get_context("spawn").Pool(jobs, initializer=_begin_work)
    try:
        yield pool
    finally:
        pool.terminate()  # after an interrupt unfinished seeds are lost; finished ones are on disk
        pool.join()


def _begin_work() -> None:
    import torch

    # Ctrl-C reaches every process of the terminal; only the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    # Libraries create a million permanent objects; scanning them in every collection takes a tenth of the time.
    gc.freeze()


def _measure(task: Task) -> Measured:
    begun = time.process_time()
    try:
        arms = {arm: float(value) for arm, value in task.claim().measure(task.seed).items()}
    except Exception:
        return Measured(task, {}, 0.0, traceback.format_exc())
    measured = Measured(task, arms, time.process_time() - begun)
    measured.keep()
    return measured
