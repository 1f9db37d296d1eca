"""``penchant lab agents``: two agents with half of the numbers each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.studies.options import Output, Resume, Rounds, Seed, WholeFolder, show_curve

__all__ = ["agents"]


def agents(
    method: Annotated[
        str, typer.Option(help="optima, its halves optima-isft and optima-idpo, oprl, or on-policy-distillation.")
    ] = "optima",
    output: Output = Path("runs/agents"),
    seed: Seed = 0,
    rounds: Rounds = None,
    resume: Resume = False,
    overwrite: WholeFolder = False,
) -> None:
    """Let two agents with half of the numbers each learn to exchange them in few words. No network needed."""
    from penchant.lab.worlds.agents import Plan, run_agents
    from penchant.training.progress import ProgressReporter

    with interruptible():
        shown, plan = ProgressReporter(), Plan(rounds=rounds)
        found = run_agents(output, method, seed, plan, resume=resume, overwrite=overwrite, reporter=shown)
    show_curve(found.curve, found.result.report, f"{method}: held-out tasks", "tokens a conversation")
