"""The quickstart experiment: base model, preferences, DPO, and evaluation by the true reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.lab.policies import PolicyComparison, compare_policies
from penchant.lab.results import add_results, claim_folder
from penchant.lab.worlds.language import grammatical_share, prompts, true_reward
from penchant.lab.worlds.quickstart.steps import FILES, Plan, align, ask_for_preferences, demonstrations_of, train_base

if TYPE_CHECKING:
    from penchant.training.api import Result

__all__ = ["STEPS", "Outcome", "Plan", "run_quickstart", "write_results"]

STEPS = (
    "Write demonstrations and train the base model on them",
    "Sample responses from the base model and label preferences",
    "Align the base model with DPO",
    "Compare both models on prompts that neither has seen",
)


@dataclass(frozen=True)
class Outcome:
    """The results of the quickstart: the comparison, the report, and the two runs."""

    comparison: PolicyComparison
    fluency: tuple[float, float]
    flipped: float
    pairs: int
    report: Path
    base: Path
    aligned: Path


def run_quickstart(
    output: Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    progress: bool = False,
    plan: Plan | None = None,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Run all steps and return the results.

    Args:
        output: folder for the data (``demonstrations.jsonl``, ``pairs.jsonl``, ``pairs-held-out.jsonl``) and the runs
            ``base/`` and ``aligned/``.
        seed: seed of all random draws.
        overwrite: replace the results of an earlier quickstart in ``output``.
        progress: show the progress of training on stderr.
        plan: sizes; the defaults if None.
        say: called with a line of text at the start and with the results of each step.

    Returns:
        The outcome; ``aligned/report.html`` shows the details.

    Raises:
        OutputError: ``output`` contains another quickstart, or cannot be written.
        TrainingError: the base model learned too little for comparisons.
    """
    plan = plan or Plan()
    claim_folder(output, ("base", "aligned"), overwrite, FILES)
    say(STEPS[0])
    base = train_base(output, plan, seed=seed, overwrite=overwrite, progress=progress)
    say(STEPS[1])
    pairs = ask_for_preferences(base.model, base.tokenizer, plan, seed=seed)
    flipped = sum(pair["chosen_score"] < pair["rejected_score"] for pair in pairs) / len(pairs)
    say(f"  {len(pairs)} comparisons; the annotator preferred the worse review in {flipped:.0%} of them")
    say(STEPS[2])
    aligned = align(base.folder / "model", pairs, output, plan, seed=seed, overwrite=overwrite, progress=progress)
    say(STEPS[3])
    comparison = _compare(base, aligned.model, pairs, plan, seed)
    report = write_results(aligned.folder, comparison)
    fluency = (_fluency(comparison, "before"), _fluency(comparison, "after"))
    return Outcome(comparison, fluency, flipped, len(pairs), report, base.folder, aligned.folder)


def _compare(base: Result, aligned: Any, pairs: Sequence[dict[str, Any]], plan: Plan, seed: int) -> PolicyComparison:
    """Compare both models on prompts that are in neither's data."""
    seen = [record["prompt"] for record in demonstrations_of(plan, seed)] + [pair["prompt"] for pair in pairs]
    return compare_policies(
        base.model,
        aligned,
        base.tokenizer,
        [record["prompt"] for record in prompts(plan.judged, seed=seed + 3, without=seen)],
        reward=true_reward,
        max_new_tokens=plan.max_new_tokens,
        seed=seed + 4,
    )


def write_results(run: Path, comparison: PolicyComparison) -> Path:
    """Add the comparison to a run's summary and samples, and regenerate its report.

    Args:
        run: folder of the aligned run; its ``summary.json`` is read and written.
        comparison: on held-out prompts.

    Returns:
        The path of the HTML report.
    """
    figures = {"true_reward": comparison.after, "true_reward/gain": comparison.gain}
    figures |= {"win_rate": comparison.wins, "kl": comparison.kl}
    return add_results(
        run,
        title="Quickstart: product reviews, aligned with DPO",
        before={"true_reward": comparison.before.value, "win_rate": 0.5, "kl": 0.0},
        after={name: each.value for name, each in figures.items()},
        intervals=figures,
        samples=comparison.samples[:12],
    )


def _fluency(comparison: PolicyComparison, side: str) -> float:
    """Mean share of grammatical sentences."""
    shares = [grammatical_share(sample["prompt"], sample[side]) for sample in comparison.samples]
    return sum(shares) / len(shares)
