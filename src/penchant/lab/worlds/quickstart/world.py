"""The quickstart: a small language model learns to write reviews, then learns what people like, with known truth."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import TrainingError
from penchant.lab.policies import Answer, PolicyComparison, answer, compare_policies
from penchant.lab.results import add_results, claim_folder
from penchant.lab.worlds.language import (
    build_tokenizer,
    demonstrations,
    grammatical_share,
    label_extremes,
    prompts,
    tiny_model,
    true_reward,
)

if TYPE_CHECKING:
    from penchant.training.api import Result

__all__ = ["STEPS", "Outcome", "Plan", "align", "ask_for_preferences", "run_quickstart", "train_base", "write_results"]

STEPS = (
    "Write demonstrations and train the base model on them",
    "Sample responses from the base model and ask for preferences",
    "Align the base model with DPO",
    "Compare both models on prompts that neither has seen",
)


@dataclass(frozen=True)
class Plan:
    """The sizes of the quickstart; its defaults take about two minutes of one core's time.

    Args:
        demonstrations: number of reviews that the base model learns from.
        base_epochs, base_batch, base_rate: passes, examples per step, and peak learning rate of the base model.
        prompts: number of prompts that preferences are asked for.
        samples: responses per prompt; the one liked most and the one liked least make a comparison.
        annotator_scale: inverse temperature of the Bradley-Terry annotator per unit of reward; larger is less noisy.
        beta: DPO's inverse temperature.
        align_epochs, align_batch, align_rate: as above, for DPO.
        held_out_pairs: share of the comparisons' prompts that are kept from training.
        judged: number of fresh prompts that both models answer at the end.
        max_new_tokens: longest response.
    """

    demonstrations: int = 8000
    base_epochs: float = 3
    base_batch: int = 16
    base_rate: float = 5e-3
    prompts: int = 1600
    samples: int = 4
    annotator_scale: float = 6.0
    beta: float = 0.1
    align_epochs: float = 2
    align_batch: int = 16
    align_rate: float = 5e-4
    held_out_pairs: float = 0.08
    judged: int = 300
    max_new_tokens: int = 80


@dataclass(frozen=True)
class Outcome:
    """What the quickstart found: the comparison, the report, and the two runs."""

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
    """Do all steps and return what came out.

    Args:
        output: folder for the data (``demonstrations.jsonl``, ``pairs.jsonl``, ``pairs-held-out.jsonl``) and the runs
            ``base/`` and ``aligned/``.
        seed: of everything that is drawn.
        overwrite: replace what an earlier quickstart left in ``output``.
        progress: show the trainings' progress on the error stream.
        plan: sizes; the defaults where None.
        say: called with a line of text at the start of every step and with what it found.

    Returns:
        The outcome; ``aligned/report.html`` shows the details.

    Raises:
        OutputError: ``output`` holds another quickstart, or cannot be written.
        TrainingError: the base model learned too little to be asked for comparisons.
    """
    plan = plan or Plan()
    claim_folder(output, ("base", "aligned"), overwrite)
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
    """Both models on prompts that are in neither's data."""
    seen = [record["prompt"] for record in _demonstrations(plan, seed)] + [pair["prompt"] for pair in pairs]
    return compare_policies(
        base.model,
        aligned,
        base.tokenizer,
        [record["prompt"] for record in prompts(plan.judged, seed=seed + 3, without=seen)],
        reward=true_reward,
        max_new_tokens=plan.max_new_tokens,
        seed=seed + 4,
    )


def train_base(output: Path, plan: Plan, *, seed: int, overwrite: bool, progress: bool = False) -> Result:
    """Train a tiny Llama with random weights on generated reviews, by their negative log-likelihood."""
    import penchant

    tokenizer = build_tokenizer()
    return penchant.train(
        model=tiny_model(tokenizer, seed=seed),
        tokenizer=tokenizer,
        data=_write_lines(output / "demonstrations.jsonl", _demonstrations(plan, seed)),
        objective="nll",
        output=output / "base",
        overwrite=overwrite,
        progress=progress,
        batch_size=plan.base_batch,
        epochs=plan.base_epochs,
        learning_rate=plan.base_rate,
        warmup=0.05,
        group_by_length=True,
        samples=0,
        seed=seed,
    )


def ask_for_preferences(model: Any, tokenizer: Any, plan: Plan, *, seed: int) -> list[dict[str, Any]]:
    """Comparisons between a model's own responses, labelled by the true reward with Bradley-Terry noise.

    Of the responses to a prompt the one liked most is compared with the one liked least. Responses that never ended
    are left out: the model did not write the end token that training would add.

    Raises:
        TrainingError: fewer than two comparisons came of it.
    """
    asked = [record["prompt"] for record in prompts(plan.prompts, seed=seed + 1)]
    answers = answer(model, tokenizer, asked, samples=plan.samples, max_new_tokens=plan.max_new_tokens, seed=seed + 1)
    rng = random.Random(seed + 2)
    pairs = [
        pair
        for prompt, given in zip(asked, answers, strict=True)
        for pair in label_extremes(prompt, _usable(given), scale=plan.annotator_scale, rng=rng)
    ]
    if len(pairs) < 2:
        raise TrainingError(
            "The base model gave no two finished, different responses to any prompt, so there is nothing to compare.",
            fix="Train it for longer: raise demonstrations or base_epochs in the plan.",
        )
    return pairs


def align(
    base: Path,
    pairs: Sequence[dict[str, Any]],
    output: Path,
    plan: Plan,
    *,
    seed: int,
    overwrite: bool,
    progress: bool = False,
) -> Result:
    """Train a copy of the base model with DPO; the base model is the reference. Some prompts' pairs are held out."""
    import penchant
    from penchant import objectives

    asked = list(dict.fromkeys(pair["prompt"] for pair in pairs))
    held = set(asked[: round(plan.held_out_pairs * len(asked))])
    return penchant.train(
        model=base,
        data=_write_lines(output / "pairs.jsonl", [pair for pair in pairs if pair["prompt"] not in held]),
        eval_data=_write_lines(output / "pairs-held-out.jsonl", [pair for pair in pairs if pair["prompt"] in held]),
        objective=objectives.DPO(beta=plan.beta),
        output=output / "aligned",
        overwrite=overwrite,
        progress=progress,
        batch_size=plan.align_batch,
        epochs=plan.align_epochs,
        learning_rate=plan.align_rate,
        samples=0,
        seed=seed,
    )


def write_results(run: Path, comparison: PolicyComparison) -> Path:
    """Add what the comparison found to a run's summary and samples, and write its report anew.

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


def _demonstrations(plan: Plan, seed: int) -> list[dict[str, Any]]:
    return demonstrations(plan.demonstrations, seed=seed)


def _usable(answers: Sequence[Answer]) -> list[str]:
    return [given.text for given in answers if given.finished and given.text.strip()]


def _fluency(comparison: PolicyComparison, side: str) -> float:
    """Mean share of grammatical sentences."""
    shares = [grammatical_share(sample["prompt"], sample[side]) for sample in comparison.samples]
    return sum(shares) / len(shares)


def _write_lines(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path
