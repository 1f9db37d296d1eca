"""Records of sums with more than a prompt and its answer: demonstrations, pairs, complaints, what a teacher says."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["COMPLAINT", "KINDS", "answers_of", "further_records", "revisions"]

#: What is said of a wrong answer.
COMPLAINT = "?"
_SLIPS = (-3, -2, -1, 1, 2, 3)


def answers_of(model: Path, prompts: Sequence[str], each: int = 0) -> list[list[str]]:
    """The most likely answer of a saved model to each prompt, or samples of it.

    Args:
        model: its folder.
        prompts: sums.
        each: samples of a prompt, at temperature 1; 0 for the most likely answer alone.
    """
    from penchant.generation import Sampling, TransformersEngine
    from penchant.likelihood.loading import load_model
    from penchant.rendering.renderer import Renderer
    from penchant.rendering.tokenizer import load_tokenizer

    engine = TransformersEngine(Renderer(load_tokenizer(str(model))), batch_size=512)
    engine.use(load_model(str(model)))
    how = Sampling(each, 4, temperature=1.0) if each else Sampling(1, 4, temperature=0.0)
    return [[one.text for one in found] for found in engine.sample(list(prompts), how, seed=0)]


def further_records(kind: str, rows: Sequence[dict[str, Any]], model: Path, seed: int) -> list[dict[str, Any]]:
    """The sums of `problems` with what a method learns from.

    Args:
        kind: one of `KINDS`: right answers; right beside wrong ones; wrong answers with a complaint; the answers of a
            stronger model, which need not be right; or right answers beside samples of the start model, by the answer.
        rows: prompts with answers and splits.
        model: folder of the stronger model for ``taught``, of the start model for ``by-category``; else not read.
        seed: of the wrong answers.

    Example:
        >>> row = {"prompt": "1+1=", "answer": "2", "split": "train"}
        >>> further_records("demonstrations", [row], Path(), 0)[0]["completion"]
        '2'
    """
    return KINDS[kind](rows, model, random.Random(seed))


def revisions(rows: Sequence[dict[str, Any]], instruction: str, *, wrong: float, seed: int) -> list[dict[str, Any]]:
    """Demonstrations of second thoughts: a wrong answer, the complaint, and another answer, which is right more often.

    Args:
        rows: prompts with answers.
        instruction: what the complaint is followed by; the text is that of the question ``revision``.
        wrong: share of wrong second answers.
        seed: of the errors.
    """
    rng = random.Random(seed)
    shown = []
    for row in rows:
        first, second = _wrong(row, rng), _wrong(row, rng)
        asked = f"{row['prompt']}{first}\n{COMPLAINT}\n{instruction}\n"
        shown.append({"prompt": asked, "completion": second if rng.random() < wrong else row["answer"]})
    return shown


def _demonstrations(rows: Sequence[dict[str, Any]], model: Path, rng: random.Random) -> list[dict[str, Any]]:
    return [{**row, "completion": row["answer"]} for row in rows]


def _pairs(rows: Sequence[dict[str, Any]], model: Path, rng: random.Random) -> list[dict[str, Any]]:
    return [{**row, "chosen": row["answer"], "rejected": _wrong(row, rng)} for row in rows]


def _complaints(rows: Sequence[dict[str, Any]], model: Path, rng: random.Random) -> list[dict[str, Any]]:
    return [{**row, "completion": _wrong(row, rng), "complaint": COMPLAINT} for row in rows]


def _taught(rows: Sequence[dict[str, Any]], model: Path, rng: random.Random) -> list[dict[str, Any]]:
    said = answers_of(model, [row["prompt"] for row in rows])
    return [{**row, "completion": each} for row, [each] in zip(rows, said, strict=True) if each.strip()]


def _by_category(rows: Sequence[dict[str, Any]], model: Path, rng: random.Random) -> list[dict[str, Any]]:
    """A learned reward reads the words of an answer alone, so it can judge sums of which the answer is the same."""
    said = answers_of(model, [row["prompt"] for row in rows], each=8)
    return [
        {**row, "completion": row["answer"], "category": f"makes {row['answer']}", "samples": each}
        for row, each in zip(rows, said, strict=True)
    ]


def _wrong(row: dict[str, Any], rng: random.Random) -> str:
    """An answer that is off by up to three."""
    right = int(row["answer"])
    return str(rng.choice([right + slip for slip in _SLIPS if right + slip >= 0]))


#: What makes the records of each kind from prompts, a model's folder and a source of chance.
KINDS: dict[str, Callable[[Sequence[dict[str, Any]], Path, random.Random], list[dict[str, Any]]]] = {
    "demonstrations": _demonstrations,
    "pairs": _pairs,
    "complaints": _complaints,
    "taught": _taught,
    "by-category": _by_category,
}
