"""A run folder made by code: noisy curves, histograms, samples, warnings, and the doctor's table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.evaluation.report import write_report

VERSIONS = {"penchant": "0.1.0", "python": "3.11.2", "torch": "2.13.0", "transformers": "5.23.0"}


def metrics_rows(steps: int, seed: int, speed: float) -> list[dict[str, Any]]:
    """Rows of metrics.jsonl of a run that learns: margin grows, both log-probabilities fall, with noise."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for step in range(0, steps + 1):
        done = 1 - np.exp(-speed * step / steps)
        for split, noise in (("train", 1.0), ("eval", 0.15)):
            if (split == "train" and step == 0) or (split == "eval" and step % 25):
                continue
            jitter = lambda scale: float(random.normal(0, scale * noise))  # noqa: E731, B023
            margin = 1.3 * done + jitter(0.25) * (step > 0)
            chosen = -0.5 * done + jitter(0.2) * (step > 0)
            row: dict[str, Any] = {
                "step": step,
                "split": split,
                "epoch": round(2 * step / steps, 4),
                "seconds": 1.21 * step,
                "loss": float(np.log1p(np.exp(-margin))) + (0.03 if split == "eval" else 0.0),
                "rewards/chosen": chosen,
                "rewards/rejected": chosen - margin,
                "rewards/margin": margin,
                "rewards/accuracy": 0.5 if step == 0 else float(np.clip(0.5 + 0.22 * done + jitter(0.12), 0, 1)),
                "rewards/ties": 1.0 if step == 0 else 0.0,
                "logps/chosen": -84.2 + 10 * chosen,
                "logps/rejected": -91.7 + 10 * (chosen - margin),
                "kl": float(6.5 * done + abs(jitter(0.4))),
            }
            if split == "train":
                warm = min(1.0, step / 20)
                row |= {
                    "lengths/chosen": 41 + jitter(4),
                    "lengths/rejected": 53 + jitter(5),
                    "tokens_per_second": 14_200 + jitter(700),
                    "tokens_saved": float(np.clip(0.7 + jitter(0.04), 0, 1)),
                    "learning_rate": 5e-6 * warm * (1 - max(0.0, step / steps - 0.1) / 0.9),
                    "grad_norm": 3.1 + jitter(0.6) + (60.0 if step == 120 else 0.0),
                }
            rows.append(row)
    return rows


def summary(rows: list[dict[str, Any]], objective: str) -> dict[str, Any]:
    """summary.json that agrees with the rows' held-out evaluations."""
    held_out = [row for row in rows if row["split"] == "eval"]
    keys = [key for key in held_out[0] if key == "loss" or "/" in key or key == "kl"]
    before, after = ({key: row[key] for key in keys} for row in (held_out[0], held_out[-1]))
    accuracy = after["rewards/accuracy"]
    return {
        "title": "Product reviews, aligned with DPO",
        "objective": objective,
        "model": "reviews-27m",
        "data": "review_pairs.jsonl",
        "steps": rows[-1]["step"],
        "examples": 1600,
        "seconds": rows[-1]["seconds"],
        "seed": 7,
        "parameters": 27_131_904,
        "trained_parameters": 27_131_904,
        "versions": VERSIONS,
        "fingerprints": {"data": "9f2c" * 16, "model": "41d0" * 16},
        "before": before | {"true_reward": 0.113},
        "after": after | {"true_reward": 0.842, "win_rate": 0.713},
        "intervals": {
            "rewards/accuracy": [accuracy - 0.06, accuracy + 0.06],
            "win_rate": [0.648, 0.772],
            "true_reward": [0.731, 0.953],
        },
        "warnings": [
            "The likelihood of chosen responses has been falling for 120 steps while the margin grew: rejected "
            "responses fall faster. If you need the chosen texts themselves, add a likelihood term.",
            "Responses grew 18 % longer since the start (41 to 48 tokens).",
        ],
        "cut": {"kept": 1588, "prompt_cut": 42, "response_cut": 7, "dropped": 12, "identical_after_cut": 3},
    }


def rewards(seed: int) -> dict[str, Any]:
    """rewards.json of 200 held-out pairs, with a value that is not a number among them."""
    random = np.random.default_rng(seed)
    chosen, rejected = random.normal(-0.4, 0.9, 200), random.normal(-1.6, 1.1, 200)
    before = random.normal(0.02, 0.25, 200)
    return {
        "before": {"chosen": [0.0] * 200, "rejected": [0.0] * 200},
        "after": {"chosen": chosen.tolist(), "rejected": [*rejected.tolist()[:-1], float("nan")]},
        "logp_margin": {"before": before.tolist(), "after": (before + random.normal(0.2, 0.2, 200)).tolist()},
    }


LONG = (
    "The kettle arrived on time and looks better than the pictures. It boils a litre in about three minutes, the "
    "handle stays cool, and the lid closes with a proper click. What I like most is how quiet it is in the morning. "
    "The cable could be longer, and the inside window fogs up, but these are small things.\n\nI would buy it again, "
    "and I have already recommended it to my sister."
)
SAMPLES = [
    {
        "prompt": "Write a review of this kettle.",
        "before": "the kettle is bad and the kettle is kettle and it broke.",
        "after": LONG,
        "reward_before": -0.62,
        "reward_after": 1.31,
    },
    {
        "prompt": "Was the lamp worth its price?",
        "before": "No.",
        "after": "Yes, very much so.",
        "reward_before": -1.0,
        "reward_after": 1.0,
    },
    {
        "prompt": "<script>alert('prompt')</script> & a \"quoted\" question about <b>tags</b>",
        "before": "<img src=x onerror=alert(1)>",
        "after": "</p></div><style>body{display:none}</style>",
        "reward_before": 0.0,
        "reward_after": None,
    },
    {
        "prompt": LONG + "\n\nSum this up in one line.",
        "before": "",
        "after": "A quiet, good-looking kettle with a cable that is too short.",
        "reward_before": None,
        "reward_after": 0.48,
    },
    {
        "prompt": "A word without a place to break",
        "before": "Donaudampfschifffahrtsgesellschaftskapitän" * 6,
        "after": "ok",
        "reward_before": -0.1,
        "reward_after": 0.2,
    },
    {
        "prompt": "List three good things about the chair.",
        "before": "1. chair 2. chair 3. chair",
        "after": "1. It is light.\n2. The seat is wide.\n3. It folds in one movement.",
        "reward_before": -0.3,
        "reward_after": 0.9,
    },
]
DOCTOR = {
    "checks": [
        {"name": "Pairs", "value": "1,600", "verdict": "ok", "detail": "All lines could be read."},
        {
            "name": "Length bias of the labels",
            "value": "58.1 % of chosen are longer",
            "verdict": "warning",
            "detail": "A model can learn to be longer instead of better. Watch the response lengths.",
        },
        {"name": "Near duplicates", "value": "14", "verdict": "note", "detail": "Nearly the same prompt and pair."},
        {"name": "Double BOS", "value": "0", "verdict": "ok", "detail": ""},
        {
            "name": "Contradictions",
            "value": "2",
            "verdict": "error",
            "detail": "review_pairs.jsonl:118 and review_pairs.jsonl:902 prefer opposite responses.",
        },
    ],
    "lengths": {
        "prompt": {"mean": 126.3, "p50": 98, "p95": 310, "max": 511},
        "chosen": {"mean": 41.2, "p50": 37, "p95": 88, "max": 204},
        "rejected": {"mean": 53.4, "p50": 49, "p95": 112, "max": 260},
    },
}


def recipe(objective: str, beta: float, learning_rate: str, output: str) -> str:
    """recipe.yaml as a person would write it."""
    return (
        f"model: reviews-27m\ndata: review_pairs.jsonl\noutput: {output}\nobjective:\n  id: {objective}\n"
        f"  beta: {beta}\ntraining:\n  learning_rate: {learning_rate}\n  batch_size: 16\n  epochs: 2\nseed: 7\n"
    )


def write_run(
    folder: Path,
    *,
    steps: int = 200,
    seed: int = 0,
    objective: str = "dpo",
    beta: float = 0.1,
    learning_rate: str = "5e-6",
    speed: float = 3.0,
) -> Path:
    """Write a whole run folder and return it."""
    folder.mkdir(parents=True)
    rows = metrics_rows(steps, seed, speed)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "recipe.yaml").write_text(recipe(objective, beta, learning_rate, str(folder)), encoding="utf-8")
    contents = {
        "summary": summary(rows, objective),
        "rewards": rewards(seed),
        "samples": SAMPLES,
        "doctor": DOCTOR,
    }
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a synthetic run folder of the given name under the test's own folder."""

    def make(name: str = "run", **settings: Any) -> Path:
        return write_run(tmp_path / name, **settings)

    return make


@pytest.fixture
def run_folder(make_run: Callable[..., Path]) -> Path:
    """One whole run of 60 steps."""
    return make_run(steps=75)


@pytest.fixture(scope="session")
def whole_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of one whole run, for tests that only read it."""
    run = write_run(tmp_path_factory.mktemp("whole") / "run", steps=75)
    return write_report(run).read_text(encoding="utf-8")
