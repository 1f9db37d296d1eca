"""Running claims: seed by seed, in several processes, with a memory of what is already known."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from penchant.errors import OutputError
from penchant.lab.claims.claim import Claim
from penchant.lab.claims.judging import Finding, judge
from penchant.lab.claims.sources import source_hash

__all__ = ["Outcome", "claims_cache", "run_claims"]


@dataclass(frozen=True)
class Outcome:
    """What came of a run over claims.

    Args:
        findings: of the claims whose seeds are all measured, in the order in which they were asked for.
        failures: claim id -> traceback of the first of its seeds that failed.
    """

    findings: list[Finding]
    failures: dict[str, str]


class _Task(NamedTuple):
    claim: type[Claim]
    seed: int
    path: Path


class _Measured(NamedTuple):
    claim: type[Claim]
    seed: int
    arms: dict[str, float]
    seconds: float
    failure: str = ""


def claims_cache() -> Path:
    """``penchant/claims`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penchant" / "claims"


def run_claims(
    claims: Sequence[type[Claim]],
    *,
    jobs: int = 1,
    cache: Path | None = None,
    seeds: Sequence[int] | None = None,
    told: Callable[[str, int, int], None] | None = None,
) -> Outcome:
    """Measure claims and judge them.

    Each seed of each claim is kept in a file of the cache as soon as it is measured, under a hash of the sources that
    its numbers depend on (`penchant.lab.claims.sources.depends_on`). What is there is not measured again; so a run that
    was stopped goes on where it was.

    Args:
        claims: the claims, each once.
        jobs: number of processes; with 1 everything happens in this one.
        cache: folder; by default `claims_cache`.
        seeds: other seeds than the claims' own, for tuning.
        told: called with a claim's id, the number of seeds known and the number wanted, after each seed.

    Returns:
        The findings. A claim whose measurement fails does not stop the others.

    Raises:
        OutputError: the cache cannot be written.
        KeyboardInterrupt: a person stopped it; finished seeds are kept.
    """
    folder = claims_cache() if cache is None else cache
    tasks = []
    for claim in claims:
        key = source_hash(claim)
        tasks += [
            _Task(claim, seed, folder / claim.id / f"seed-{seed}-{key}.json") for seed in seeds or tuple(claim.seeds)
        ]
    try:
        for task in tasks:
            task.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The cache of claims cannot be written ({error.strerror or error}).",
            where=str(folder),
            fix="Give another folder with --cache.",
        ) from error
    known: dict[str, dict[int, _Measured]] = {claim.id: {} for claim in claims}
    failures: dict[str, str] = {}
    for done, measured in enumerate(_measure_all(tasks, jobs), start=1):
        if measured.failure:
            failures.setdefault(measured.claim.id, measured.failure)
        else:
            known[measured.claim.id][measured.seed] = measured
        if told is not None:
            told(measured.claim.id, done, len(tasks))
    findings = [_finding(claim, known[claim.id]) for claim in claims if claim.id not in failures]
    return Outcome(findings, failures)


def _finding(claim: type[Claim], measured: Mapping[int, _Measured]) -> Finding:
    arms = {seed: each.arms for seed, each in measured.items()}
    return judge(claim, arms, sum(each.seconds for each in measured.values()))


def _measure_all(tasks: Sequence[_Task], jobs: int) -> Iterator[_Measured]:
    """All tasks, the known ones first, the others as they end."""
    unknown = []
    for task in tasks:
        kept = _read(task)
        if kept is None:
            unknown.append(task)
        else:
            yield kept
    jobs = min(jobs, len(unknown))
    if jobs > 1:
        with _workers(jobs) as pool:
            yield from pool.imap_unordered(_measure, unknown)
    else:
        yield from map(_measure, unknown)


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


def _measure(task: _Task) -> _Measured:
    begun = time.process_time()
    try:
        arms = {arm: float(value) for arm, value in task.claim().measure(task.seed).items()}
    except Exception:
        return _Measured(task.claim, task.seed, {}, 0.0, traceback.format_exc())
    measured = _Measured(task.claim, task.seed, arms, time.process_time() - begun)
    partial = task.path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps({"arms": arms, "seconds": measured.seconds}), encoding="utf-8")
    partial.replace(task.path)
    return measured


def _read(task: _Task) -> _Measured | None:
    """What the cache holds; a file that cannot be read is measured again."""
    try:
        kept = json.loads(task.path.read_text(encoding="utf-8"))
        return _Measured(task.claim, task.seed, dict(kept["arms"]), float(kept["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
