"""The steps of the quickstart: a base model, preferences between its responses, and its alignment."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import TrainingError
from penchant.lab.policies import Answer, answer
from penchant.lab.worlds.language import build_tokenizer, demonstrations, label_extremes, prompts, tiny_model
from penchant.writing import write_rows

if TYPE_CHECKING:
    from penchant.training.api import Result

__all__ = ["FILES", "Plan", "align", "ask_for_preferences", "demonstrations_of", "train_base"]


#: The files of data beside the runs.
FILES = ("demonstrations.jsonl", "pairs.jsonl", "pairs-held-out.jsonl")


@dataclass(frozen=True)
class Plan:
    """Sizes of the quickstart; the defaults take about two minutes on one core.

    Args:
        demonstrations: number of reviews to train the base model on.
        base_epochs, base_batch, base_rate: passes, examples per step, and peak learning rate of the base model.
        prompts: number of prompts for preferences.
        samples: responses per prompt; the best and the worst form a comparison.
        annotator_scale: inverse temperature of the Bradley-Terry annotator per unit of reward; larger is less noisy.
        beta: DPO's inverse temperature.
        align_epochs, align_batch, align_rate: the same for DPO.
        held_out_pairs: share of the prompts with comparisons that is held out.
        judged: number of fresh prompts for the evaluation of both models.
        max_new_tokens: maximum length of a response.
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


def demonstrations_of(plan: Plan, seed: int) -> list[dict[str, Any]]:
    """The reviews to train the base model on."""
    return demonstrations(plan.demonstrations, seed=seed)


def train_base(output: Path, plan: Plan, *, seed: int, overwrite: bool, progress: bool = False) -> Result:
    """Train a tiny Llama with random weights on generated reviews, by their negative log-likelihood."""
    import penchant

    tokenizer = build_tokenizer()
    return penchant.train(
        model=tiny_model(tokenizer, seed=seed),
        tokenizer=tokenizer,
        data=_write_lines(output / "demonstrations.jsonl", demonstrations_of(plan, seed)),
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

    For each prompt the best response is compared with the worst. Unfinished responses are left out, since training
    would add an end token that the model did not write.

    Raises:
        TrainingError: there are fewer than two comparisons.
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
            fix="Train it longer: raise demonstrations or base_epochs in the plan.",
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
    """Train a copy of the base model with DPO; the base model is the reference. Pairs of some prompts are held out."""
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


def _usable(answers: Sequence[Answer]) -> list[str]:
    return [given.text for given in answers if given.finished and given.text.strip()]


def _write_lines(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    write_rows(path, records, ascii_only=True)
    return path
