"""Every method, by its id, trained on real preferences: its loss is finite and falls.

All methods share one model, one set of texts and one cache of reference log-probabilities; a method adds its steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

import penchant
from penchant.objectives import build, get, names
from real_feedback import COMPUTED, read_pairs, rows_for
from small_runs import losses

PAIRS, STEPS = 4, 6


def trained_on_text(name: str) -> bool:
    """Whether feedback on texts is enough for the method; the others have tests of their own (online, images)."""
    wanted = build(name).requirements
    return not COMPUTED & (set(wanted.fields) - wanted.optional) and "diffusion" not in name


# Other tests define objectives of their own.
METHODS = [name for name in names() if get(name).__module__.startswith("penchant.") and trained_on_text(name)]


@pytest.fixture(scope="module")
def real_pairs(shared: Path) -> list[dict[str, str]]:
    return read_pairs(shared, PAIRS)


@pytest.fixture(scope="module")
def loaded(shared: Path) -> tuple[Any, Any, dict[str, torch.Tensor]]:
    """A small language model that has read stories, its tokenizer, and its weights before any training."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = shared / "models" / "tinystories-260k"
    model = AutoModelForCausalLM.from_pretrained(folder)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    return model, AutoTokenizer.from_pretrained(folder), start


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("references")


@pytest.fixture
def untrained(loaded: tuple[Any, Any, dict[str, torch.Tensor]]) -> Iterator[tuple[Any, Any]]:
    """The one model, as it was loaded."""
    model, tokenizer, start = loaded
    model.load_state_dict(start)
    yield model, tokenizer


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_is_finite_and_falls(
    name: str,
    real_pairs: list[dict[str, str]],
    untrained: tuple[Any, Any],
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Drawing the reports would take longer than training.
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    objective = build(name)
    rows = rows_for(objective, real_pairs)
    model, tokenizer = untrained
    result = penchant.train(
        model,
        rows,
        objective,
        str(tmp_path / "run"),
        tokenizer=tokenizer,
        chat_template="plain",
        max_length=64,
        truncation="response_right",
        reference="cached" if objective.requirements.needs.reference else "initial",
        cache=str(cache),
        # Every step sees all examples, so that no step's loss differs from another's by its batch.
        batch_size=len(rows),
        accumulate=1,
        max_steps=STEPS,
        save_every=STEPS,
        learning_rate=2e-5,
        schedule="constant",
        warmup=0.0,
        samples=0,
        device="cpu",
    )
    assert result.summary["cut"]["kept"] == len(rows)
    told = losses(tmp_path / "run")
    assert len(told) == STEPS and all(math.isfinite(each) for each in told)
    # Over a few steps, because a method may draw at random or move a running mean.
    few = STEPS // 3
    assert fmean(told[-few:]) < fmean(told[:few])
