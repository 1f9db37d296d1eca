"""The digits experiment: train a small denoiser on digits, then align it with DPO."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penchant.lab.results import add_results, claim_folder
from penchant.lab.worlds.digits.judging import REWARDS, DigitJudge, frechet_distance, load_digits
from penchant.lab.worlds.pictures import compare_in_classes, draw_classes, pixels, tiny_denoiser
from penchant.statistics import Interval, mean_interval, paired_difference, win_rate
from penchant.writing import write_rows

__all__ = ["STEPS", "DigitsOutcome", "DigitsPlan", "run_digits"]

STEPS = (
    "Train a denoiser on half of the real digits",
    "Draw digits with it, and compare them by reward",
    "Align the denoiser with DPO, once for each reward",
    "Compare digits before and after, drawn from the same noise",
)


@dataclass(frozen=True)
class DigitsPlan:
    """Sizes of the digits experiment; the defaults take about three minutes on one core.

    Args:
        width: channels of the first block of the denoiser.
        base_epochs, base_batch, base_rate: passes, images per step, and peak learning rate of the base model.
        drawn: digits drawn per class for the comparisons.
        pairs: comparisons per class.
        beta: DPO's inverse temperature, in units of the mean squared error (see `DenoisingSettings`).
        align_epochs, align_batch, align_rate: the same for DPO.
        judged: fresh digits per class and model for the evaluation.
        sampler_steps: steps of the sampler.
        rewards: the rewards; one run each.
    """

    width: int = 32
    base_epochs: float = 36
    base_batch: int = 64
    base_rate: float = 2e-3
    drawn: int = 64
    pairs: int = 96
    beta: float = 2000.0
    align_epochs: float = 4
    align_batch: int = 32
    align_rate: float = 1e-4
    judged: int = 40
    sampler_steps: int = 25
    rewards: tuple[str, ...] = REWARDS


@dataclass(frozen=True)
class DigitsOutcome:
    """The results for one reward.

    Args:
        reward: name of the reward.
        before, after: mean reward with its 95 % interval.
        gain: paired difference, over digits drawn from the same noise.
        wins: share of digits with a higher reward than before, ties counting half.
        accuracy: share of digits classified as the requested class, before and after.
        drift: Fréchet distance to the reference; the second value is that between two draws of the reference.
        report: path of the report of the run.
    """

    reward: str
    before: Interval
    after: Interval
    gain: Interval
    wins: Interval
    accuracy: tuple[float, float]
    drift: tuple[float, float]
    report: Path


def run_digits(
    output: Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    progress: bool = False,
    plan: DigitsPlan | None = None,
    say: Callable[[str], None] = print,
) -> list[DigitsOutcome]:
    """Run all steps and return the results for each reward.

    Args:
        output: folder for the pictures, the comparisons (``pairs-ink.jsonl``, ...) and the runs (``base/``, ``ink/``).
        seed: seed of all random draws.
        overwrite: replace the results of an earlier call in ``output``.
        progress: show the progress of training on stderr.
        plan: sizes; the defaults if None.
        say: called with a line of text at the start and with the results of each step.

    Raises:
        OutputError: ``output`` contains an earlier run, or cannot be written.
    """
    plan = plan or DigitsPlan()
    files = [f"pairs-{reward}.jsonl" for reward in plan.rewards]
    claim_folder(output, ("base", "drawn", *plan.rewards), overwrite, files)
    images, classes = load_digits()
    half = len(images) // 2
    judge = DigitJudge(images[half:], classes[half:], seed)  # real digits that the denoiser is not trained on
    run = {"overwrite": overwrite, "progress": progress, "seed": seed, "samples": 0}
    say(STEPS[0])
    base = train_base(output, images[:half], classes[:half], plan, run)
    say(STEPS[1])
    pictures, asked = draw(base.model, plan.drawn, plan, seed + 1)
    _keep_pictures(output, pictures)
    say(f"  {judge.accuracy(pixels(pictures), asked):.0%} of {len(asked)} drawn digits are classified as requested")
    say(STEPS[2])
    rows = {
        reward: compare(judge.reward(reward, pixels(pictures), asked), asked, plan.pairs, seed + 2)
        for reward in plan.rewards
    }
    aligned = {
        reward: _align(output, base.folder / "model", reward, rows[reward], plan, run) for reward in plan.rewards
    }
    say(STEPS[3])
    return list(_outcomes(judge, base.folder / "model", aligned, plan, seed + 3))


def _outcomes(
    judge: DigitJudge, base: Path, aligned: Mapping[str, Any], plan: DigitsPlan, seed: int
) -> Iterator[DigitsOutcome]:
    """The results for each reward: base model and aligned models draw from the same noise."""
    from penchant.likelihood.pipelines import load_pipeline

    before, wanted = draw(load_pipeline(base), plan.judged, plan, seed)
    again, _ = draw(load_pipeline(base), plan.judged, plan, seed + 1)
    for reward, result in aligned.items():
        after, _ = draw(result.model, plan.judged, plan, seed)
        yield _outcome(judge, reward, result.folder, before, after, again, wanted)


def draw(pipeline: Any, each: int, plan: DigitsPlan, seed: int) -> tuple[list[Any], list[int]]:
    """``each`` digits of every class as Pillow images, and the requested classes."""
    return draw_classes(pipeline, 10, each, steps=plan.sampler_steps, seed=seed)


def compare(rewards: np.ndarray, asked: Sequence[int], pairs: int, seed: int) -> list[dict[str, Any]]:
    """Comparisons between digits of one class: the one with the higher reward is chosen; ties are left out.

    Args:
        rewards: [N] rewards of the drawn digits.
        asked: [N] requested classes.
        pairs: number of pairs to draw per class.
        seed: seed of the draws.
    """
    rows: list[dict[str, Any]] = []
    for better, worse in compare_in_classes(rewards, asked, pairs, seed):
        pictures = {"chosen_image": f"drawn/{better}.png", "rejected_image": f"drawn/{worse}.png"}
        scores = {"chosen_score": float(rewards[better]), "rejected_score": float(rewards[worse])}
        split = "test" if len(rows) % 10 == 9 else "train"
        rows.append({"prompt": str(asked[better]), **pictures, **scores, "split": split})
    return rows


def train_base(output: Path, images: np.ndarray, classes: np.ndarray, plan: DigitsPlan, run: dict[str, Any]) -> Any:
    """Train a denoiser on real digits.

    Args:
        output: parent folder; the run is in its folder ``base``.
        images: [N, 8, 8] from 0 to 255.
        classes: [N].
        plan: sizes.
        run: further keys of the recipe, including ``seed``.

    Returns:
        The result of the run.
    """
    import penchant

    rows = [
        {"prompt": str(digit), "image": image.tolist()} for image, digit in zip(images, classes.tolist(), strict=True)
    ]
    return penchant.train(
        model=tiny_denoiser(plan.width, run["seed"]),
        data=rows,
        objective="nll",
        output=output / "base",
        batch_size=plan.base_batch,
        epochs=plan.base_epochs,
        learning_rate=plan.base_rate,
        schedule="cosine",
        warmup=0.05,
        eval_limit=100,
        **run,
    )


def _keep_pictures(output: Path, pictures: Sequence[Any]) -> None:
    (output / "drawn").mkdir(exist_ok=True)
    for place, picture in enumerate(pictures):
        picture.save(output / "drawn" / f"{place}.png")


def _align(
    output: Path, base: Path, reward: str, rows: Sequence[dict[str, Any]], plan: DigitsPlan, run: dict[str, Any]
) -> Any:
    import penchant

    path = output / f"pairs-{reward}.jsonl"
    write_rows(path, rows, ascii_only=True)
    return penchant.train(
        model=base,
        data=path,
        split="train",
        eval_split="test",
        objective={"name": "dpo", "beta": plan.beta},
        output=output / reward,
        batch_size=plan.align_batch,
        epochs=plan.align_epochs,
        learning_rate=plan.align_rate,
        **run,
    )


def _outcome(
    judge: DigitJudge,
    reward: str,
    run: Path,
    before: Sequence[Any],
    after: Sequence[Any],
    again: Sequence[Any],
    asked: Sequence[int],
) -> DigitsOutcome:
    """Compare the digits of two models, and add the results to the report of the run."""
    sides = {"before": pixels(before), "after": pixels(after)}
    rewards = {side: judge.reward(reward, given, asked) for side, given in sides.items()}
    values = {side: each.tolist() for side, each in rewards.items()}
    features = {side: judge.features(given) for side, given in {**sides, "again": pixels(again)}.items()}
    floor = frechet_distance(features["before"], features["again"])
    drift = frechet_distance(features["before"], features["after"])
    accuracy = (judge.accuracy(sides["before"], asked), judge.accuracy(sides["after"], asked))
    means = {side: mean_interval(each) for side, each in values.items()}
    gain, wins = paired_difference(values["before"], values["after"]), win_rate(values["before"], values["after"])
    report = add_results(
        run,
        title=f"Digits, aligned with DPO: {reward}",
        before={"true_reward": means["before"].value, "win_rate": 0.5, "digits/accuracy": accuracy[0], "drift": floor},
        after={
            "true_reward": means["after"].value,
            "true_reward/gain": gain.value,
            "win_rate": wins.value,
            "digits/accuracy": accuracy[1],
            "drift": drift,
        },
        intervals={"true_reward": means["after"], "true_reward/gain": gain, "win_rate": wins},
        samples=_sample_sheets(run, {"before": before, "after": after}, rewards, asked),
    )
    return DigitsOutcome(reward, means["before"], means["after"], gain, wins, accuracy, (drift, floor), report)


def _sample_sheets(
    run: Path, pictures: Mapping[str, Sequence[Any]], rewards: Mapping[str, np.ndarray], asked: Sequence[int]
) -> list[dict[str, Any]]:
    """A row of ``samples.json`` per digit, with a sheet of ten samples from each model."""
    from penchant.generation.images import contact_sheet

    (run / "samples").mkdir(exist_ok=True)
    samples = []
    for digit in range(10):
        places = [place for place, wanted in enumerate(asked) if wanted == digit]
        row: dict[str, Any] = {"prompt": str(digit)}
        for side, drawn in pictures.items():
            file = f"samples/{digit}-{side}.png"
            contact_sheet([[drawn[place] for place in places[:10]]]).save(run / file)
            row |= {f"{side}_image": file, f"reward_{side}": float(rewards[side][places].mean())}
        samples.append(row)
    return samples
