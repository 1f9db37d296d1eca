"""``penchant lab sums``, ``derivations`` and ``tools``: tiny models that get better at checked answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.studies.options import Output, Resume, Rounds, Seed, WholeFolder, show_accuracy

if TYPE_CHECKING:
    from penchant.lab.worlds.practice import Practice

__all__ = ["derivations", "sums", "tools"]


def sums(
    method: Annotated[str, typer.Option(help="grpo, iterative-dpo, ppo, rloo, nft or another recipe.")] = "grpo",
    output: Output = Path("runs/sums"),
    seed: Seed = 0,
    rounds: Rounds = None,
    resume: Resume = False,
    overwrite: WholeFolder = False,
) -> None:
    """Improve a tiny, badly trained model of sums by online training on its own checked answers. No network needed."""
    from penchant.lab.worlds.sums import Plan, run_sums

    plan = Plan(rounds=rounds)
    show_accuracy(
        lambda say: run_sums(
            output, method=method, seed=seed, plan=plan, resume=resume, overwrite=overwrite, progress=True, say=say
        ),
        f"{method}: accuracy on held-out sums",
    )


def derivations(
    method: Annotated[str, typer.Option(help="mcts-dpo, iterative-dpo or on-policy-distillation.")] = "mcts-dpo",
    output: Output = Path("runs/derivations"),
    seed: Seed = 0,
    rounds: Rounds = None,
    resume: Resume = False,
    overwrite: WholeFolder = False,
) -> None:
    """Improve a tiny model of sums with written steps, by a tree search or whole solutions. No network needed."""
    _improve(_derivations, method, output, seed, rounds, resume, overwrite)


def tools(
    method: Annotated[str, typer.Option(help="itool, rejection-sampling, grpo or on-policy-distillation.")] = "itool",
    output: Output = Path("runs/tools"),
    seed: Seed = 0,
    rounds: Rounds = None,
    resume: Resume = False,
    overwrite: WholeFolder = False,
) -> None:
    """Improve a tiny model that calls tools and was trained on careless calls. No network needed."""
    _improve(_tools, method, output, seed, rounds, resume, overwrite)


def _derivations() -> Practice:
    from penchant.lab.worlds.derivations import DERIVATIONS

    return DERIVATIONS


def _tools() -> Practice:
    from penchant.lab.worlds.tools import TOOLS

    return TOOLS


def _improve(
    world: Callable[[], Practice],
    method: str,
    output: Path,
    seed: int,
    rounds: int | None,
    resume: bool,
    overwrite: bool,
) -> None:
    changed = {} if rounds is None else {"iterations": rounds, "eval_every": rounds}
    show_accuracy(
        lambda say: world().run(
            output, method, seed=seed, resume=resume, overwrite=overwrite, progress=True, say=say, **changed
        ),
        f"{method}: accuracy on held-out prompts",
    )
