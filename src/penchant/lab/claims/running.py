"""Running claims: seed by seed, in several processes, with a memory of what is already known."""

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

#: Called with a claim's id, the number of seeds known by now and the number wanted.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a run over claims.

    Args:
        findings: of the claims whose seeds are all measured, in the order in which they were asked for.
        failures: claim id -> traceback of the first of its seeds that failed.
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
    """Measure what is not known of some claims, and judge them: `plan_work` and `run_plan` in one.

    Args:
        claims, cache, seeds, record, fresh: as for `penchant.lab.claims.tasks.plan_work`.
        jobs, progress: as for `run_plan`.

    Raises:
        OutputError: the cache cannot be written.
        KeyboardInterrupt: the run was interrupted; finished seeds are kept.
    """
    plan = plan_work(claims, cache=cache, seeds=seeds, record=record, fresh=fresh)
    return run_plan(plan, jobs=jobs, progress=progress)


def run_plan(plan: WorkPlan, *, jobs: int = 1, progress: Progress | None = None) -> Outcome:
    """Measure the open seeds of a plan and judge its claims.

    Each seed is kept in the cache as soon as it is measured, so a run that was stopped continues where it was.

    Args:
        plan: what is known, and what is to be measured.
        jobs: number of processes; with 1 everything happens in this one.
        progress: called after each seed that is measured.

    Returns:
        The findings. A claim whose measurement fails does not stop the others.

    Raises:
        KeyboardInterrupt: the run was interrupted; finished seeds are kept.
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
    """Results as they come."""
    jobs = min(jobs, len(tasks))
    if jobs > 1:
        with _workers(jobs) as pool:
            yield from pool.imap_unordered(_measure, tasks)
    else:
        yield from map(_measure, tasks)


@contextmanager
def _workers(jobs: int) -> Iterator[multiprocessing.pool.Pool]:  # type: ignore[name-defined]
    # Started afresh, not forked: threads of PyTorch do not survive a fork.
    pool = multiprocessing.get_context("spawn").Pool(jobs, initializer=_begin_work)
    try:
        yield pool
    finally:
        pool.terminate()  # after an interrupt what is half done is lost, and finished seeds are on disk
        pool.join()


def _begin_work() -> None:
    import torch

    # Ctrl-C reaches every process of the terminal; the first one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    # Libraries make a million objects that never go; looking through them again and again takes a tenth of the time.
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
