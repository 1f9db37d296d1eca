"""A small denoiser of digits, trained once and kept, and what aligning it with some objective gains."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from penchant.lab.digits.judging import DigitJudge, load_digits, pixels
from penchant.lab.digits.world import DigitsPlan, compare, draw, train_base

__all__ = ["SMALL", "align", "base_model"]

#: About a minute of one core's time for the base, and ten seconds for an alignment.
SMALL = DigitsPlan(
    width=16, base_epochs=30, drawn=24, pairs=24, align_epochs=4, judged=24, sampler_steps=10, rewards=("classifier",)
)


def base_model(plan: DigitsPlan = SMALL, folder: Path | None = None) -> Path:
    """The denoiser that alignments start from; it is trained where the folder does not hold it yet.

    Args:
        plan: its sizes; others are other models.
        folder: where models are kept; ``penchant/digits`` in the user's cache folder by default.

    Returns:
        The folder of a pipeline of diffusers.
    """
    import penchant

    if folder is None:
        folder = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penchant" / "digits"
    settings = (penchant.__version__, plan.width, plan.base_epochs, plan.base_batch, plan.base_rate)
    kept = folder / f"base-{hashlib.sha256(repr(settings).encode()).hexdigest()[:16]}"
    if not kept.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        images, classes = load_digits()
        half = len(images) // 2
        with tempfile.TemporaryDirectory(dir=folder) as place:
            run = {"seed": 0, "samples": 0, "progress": False}
            trained = train_base(Path(place), images[:half], classes[:half], plan, run)
            try:
                (trained.folder / "model").rename(kept)  # all at once: nobody finds half a model
            except OSError:
                if not kept.is_dir():  # unless another process was faster
                    raise
    return kept


def align(
    objective: Mapping[str, Any],
    seed: int,
    *,
    learning_rate: float,
    plan: DigitsPlan = SMALL,
    folder: Path | None = None,
) -> dict[str, float]:
    """Align the base with an objective to the classifier's taste, and judge fresh digits of both from the same noise.

    Args:
        objective: its name and hyper-parameters; of pairs, or of images that are liked or not.
        seed: of what is drawn and of the training.
        learning_rate: peak.
        plan: sizes; ``align_rate`` and ``beta`` are not read.
        folder: where base models are kept.

    Returns:
        The mean probability of the class asked for, under ``reference`` and ``aligned``.
    """
    import penchant
    from penchant.likelihood.pipelines import load_pipeline
    from penchant.objectives import build

    source, judge = base_model(plan, folder), _judge()
    base = load_pipeline(source)
    pictures, asked = draw(base, plan.drawn, plan, 3 * seed)
    rewards = judge.reward("classifier", pixels(pictures), asked)
    single = "label" in build(objective["name"]).requirements.fields
    rows = _judgements(rewards, asked) if single else compare(rewards, asked, plan.pairs, seed)
    with tempfile.TemporaryDirectory() as place:
        trained = penchant.train(
            model=str(source),
            data=[_with_pictures(row, pictures) for row in rows],
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
        sides = {"reference": load_pipeline(source), "aligned": trained.model}
        found = {}
        for side, model in sides.items():
            made, wanted = draw(model, plan.judged, plan, 3 * seed + 1)
            found[side] = float(judge.reward("classifier", pixels(made), wanted).mean())
    return found


@cache
def _judge() -> DigitJudge:
    """Of real digits that the base never sees."""
    images, classes = load_digits()
    half = len(images) // 2
    return DigitJudge(images[half:], classes[half:])


def _judgements(rewards: np.ndarray, asked: Sequence[int]) -> list[dict[str, Any]]:
    """Every drawn digit, liked where its reward is above the median of its class."""
    wanted = np.asarray(asked)
    median = {digit: float(np.median(rewards[wanted == digit])) for digit in set(asked)}
    return [
        {"prompt": str(digit), "image": f"drawn/{place}.png", "label": bool(rewards[place] > median[digit])}
        for place, digit in enumerate(asked)
    ]


def _with_pictures(row: Mapping[str, Any], pictures: Sequence[Any]) -> dict[str, Any]:
    """The row with pictures in the place of their files' names."""

    def picture(name: str) -> Any:
        return np.asarray(pictures[int(Path(name).stem)]).tolist()

    kept = {name: value for name, value in row.items() if name != "split"}
    return {name: picture(value) if name.endswith("image") else value for name, value in kept.items()}
