"""Alignment of a small, cached denoiser of digits with any objective."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from penchant.lab.checkpoints import keep
from penchant.lab.worlds.digits.digits_world import digit_judge
from penchant.lab.worlds.digits.judging import load_digits
from penchant.lab.worlds.digits.world import DigitsPlan, compare, draw, train_base
from penchant.lab.worlds.pictures import pixels

__all__ = ["SMALL", "align", "base_model"]

#: About a minute of one core for the base model, and ten seconds per alignment.
SMALL = DigitsPlan(
    width=16, base_epochs=30, drawn=24, pairs=24, align_epochs=4, judged=24, sampler_steps=10, rewards=("classifier",)
)


class _Drawn(NamedTuple):
    """Digits drawn by the base model, their requested classes, and their rewards."""

    images: list[np.ndarray]
    asked: list[int]
    rewards: np.ndarray


def base_model(plan: DigitsPlan = SMALL, folder: Path | None = None) -> Path:
    """The denoiser that alignments start from, trained on the first call on this machine and cached.

    Args:
        plan: its sizes; each plan has its own model.
        folder: folder of the cache; default as in `penchant.lab.checkpoints.keep`.

    Returns:
        The folder of a diffusers pipeline.

    Raises:
        OutputError: the folder cannot be written.
    """
    settings = {"width": plan.width, "epochs": plan.base_epochs, "batch": plan.base_batch, "rate": plan.base_rate}

    def build(place: Path) -> None:
        images, classes = load_digits()
        half = len(images) // 2
        with tempfile.TemporaryDirectory() as work:
            run = {"seed": 0, "samples": 0, "progress": False}
            trained = train_base(Path(work), images[:half], classes[:half], plan, run)
            shutil.copytree(trained.folder / "model", place, dirs_exist_ok=True)

    made_by = ("penchant.lab.worlds.digits.world", "penchant.lab.worlds.digits.judging", "penchant.lab.worlds.pictures")
    return keep("digits-base", settings, made_by, build, folder=folder)


def align(
    objective: Mapping[str, Any],
    seed: int,
    *,
    learning_rate: float,
    feedback: str = "pairs",
    plan: DigitsPlan = SMALL,
    folder: Path | None = None,
) -> dict[str, float]:
    """Align the base model to the classifier reward, and evaluate fresh digits of both models from the same noise.

    Args:
        objective: its name and hyper-parameters.
        seed: seed of sampling and training.
        learning_rate: peak learning rate.
        feedback: ``pairs`` of the base model's digits, of which the classifier prefers one; or ``judgements``, each
            liked if above the median of its class.
        plan: sizes; ``align_rate`` and ``beta`` are not used.
        folder: folder of the cache of base models.

    Returns:
        The mean probability of the requested class, under ``reference`` and ``aligned``.
    """
    from penchant.likelihood.pipelines import load_pipeline
    from penchant.training.api import train

    source, judge = base_model(plan, folder), digit_judge()
    pictures, asked = draw(load_pipeline(source), plan.drawn, plan, 3 * seed)
    drawn = _Drawn([np.asarray(each) for each in pictures], asked, judge.reward("classifier", pixels(pictures), asked))
    with tempfile.TemporaryDirectory() as place:
        trained = train(
            model=str(source),
            data=_FEEDBACK[feedback](drawn, plan, seed),
            objective=dict(objective),
            output=Path(place) / "run",
            batch_size=plan.align_batch,
            epochs=plan.align_epochs,
            learning_rate=learning_rate,
            seed=seed,
            samples=0,
            eval_limit=8,
            progress=False,
        )
    found = {}
    for side, model in {"reference": load_pipeline(source), "aligned": trained.model}.items():
        made, wanted = draw(model, plan.judged, plan, 3 * seed + 1)
        found[side] = float(judge.reward("classifier", pixels(made), wanted).mean())
    return found


def _pairs(drawn: _Drawn, plan: DigitsPlan, seed: int) -> list[dict[str, Any]]:
    rows = compare(drawn.rewards, drawn.asked, plan.pairs, seed)
    named = ("chosen_image", "rejected_image")
    return [
        {"prompt": row["prompt"], **{name: drawn.images[int(Path(row[name]).stem)].tolist() for name in named}}
        for row in rows
    ]


def _judgements(drawn: _Drawn, plan: DigitsPlan, seed: int) -> list[dict[str, Any]]:
    asked = np.asarray(drawn.asked)
    median = {digit: float(np.median(drawn.rewards[asked == digit])) for digit in range(10)}
    return [
        {"prompt": str(digit), "image": image.tolist(), "label": bool(reward > median[digit])}
        for image, digit, reward in zip(drawn.images, drawn.asked, drawn.rewards, strict=True)
    ]


_FEEDBACK: dict[str, Callable[[_Drawn, DigitsPlan, int], list[dict[str, Any]]]] = {
    "pairs": _pairs,
    "judgements": _judgements,
}
