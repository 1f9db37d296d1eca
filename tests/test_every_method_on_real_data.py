"""Every method, by its id, trained on real preferences: its loss is finite and falls.

All methods share one model, one set of texts and one cache of reference log-probabilities; a method adds its steps.
"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

import penchant
from penchant.feedback.views.view import VIEWS
from penchant.objectives import build, get, names
from penchant.objectives.core.expression import NAMED_SUMS
from real_feedback import COMPUTED, read_facts, read_pairs, rows_for
from small_runs import losses

PAIRS, STEPS = 4, 6
#: Whose reference is a teacher: against the model itself they start at their minimum. Tested online.
TAUGHT = {"on-policy-distillation"}


def trained_on_text(name: str) -> bool:
    """Whether one file of texts is enough for the method; others have their own tests (online, images, sources)."""
    wanted = build(name).requirements
    if any(VIEWS.get(view).source for view in wanted.views):
        return False
    given = not COMPUTED & (set(wanted.fields) - wanted.optional)
    return given and "diffusion" not in name and name not in TAUGHT


# Other tests define objectives of their own.
OURS = [name for name in names() if get(name).__module__.startswith("penchant.")]
METHODS = [name for name in (*OURS, *NAMED_SUMS) if trained_on_text(name)]
UNLEARNING = [
    *(name for name in OURS if get(name).family == "unlearning"),
    *(name for name in NAMED_SUMS if not trained_on_text(name)),
]
# The layers of the small model; and a bound that holds from the start, since the weight of a broken one grows the loss.
SETTINGS: dict[str, dict[str, Any]] = {"rmu": {"layer": "2"}, "pdu": {"epsilon": 20.0}}


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
def untrained(loaded: tuple[Any, Any, dict[str, torch.Tensor]]) -> tuple[Any, Any]:
    """The one model, as it was loaded."""
    model, tokenizer, start = loaded
    model.load_state_dict(start)
    return model, tokenizer


RECIPE: dict[str, Any] = {
    "chat_template": "plain",
    "max_length": 64,
    "truncation": "response_right",
    "accumulate": 1,
    "schedule": "constant",
    "warmup": 0.0,
    "samples": 0,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing the reports would take longer than training."""
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")


def check_losses(run: Path, steps: int, few: int) -> None:
    """All are finite, and the last few are below the first few, since a method may draw at random or move a mean."""
    told = losses(run)
    assert len(told) == steps and all(math.isfinite(each) for each in told)
    assert fmean(told[-few:]) < fmean(told[:few])


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_is_finite_and_falls(
    name: str, real_pairs: list[dict[str, str]], untrained: tuple[Any, Any], cache: Path, tmp_path: Path
) -> None:
    objective = build(name)
    rows = rows_for(objective, real_pairs)
    model, tokenizer = untrained
    needs = objective.requirements.needs
    # A cache has one number per token; whole distributions and states come from a frozen copy.
    kept = needs.reference and not needs.compares
    cached = {"reference": "cached", "cache": str(cache)} if kept else {}
    # Every step sees all examples, so that no step's loss differs from another's by its batch.
    steps = {"batch_size": len(rows), "max_steps": STEPS, "save_every": STEPS, "learning_rate": 2e-5}
    result = penchant.train(model, rows, objective, tmp_path / "run", tokenizer=tokenizer, **RECIPE, **cached, **steps)
    assert result.summary["cut"]["kept"] == len(rows)
    check_losses(tmp_path / "run", STEPS, few=STEPS // 3)


@pytest.mark.parametrize("name", UNLEARNING)
def test_the_loss_of_unlearning_is_finite_and_falls(
    name: str, shared: Path, untrained: tuple[Any, Any], tmp_path: Path
) -> None:
    objective = build(name, **SETTINGS.get(name, {}))
    wanted = {VIEWS.get(view).source for view in objective.requirements.views}
    data = {source: rows for source, rows in read_facts(shared, PAIRS).items() if source in wanted}
    model, tokenizer = untrained
    steps = {"batch_size": PAIRS, "max_steps": STEPS, "save_every": STEPS, "learning_rate": 2e-5}
    result = penchant.train(model, data, objective, tmp_path / "run", tokenizer=tokenizer, **RECIPE, **steps)
    told, before, after = losses(tmp_path / "run"), result.summary["before"], result.summary["after"]
    if name == "retain-kl":
        assert all(0 <= each + 1e-6 < 0.01 for each in told)  # alone it starts at its minimum
    elif name in ("wga", "satimp"):
        # Their weights carry no gradient, so the value is not what is minimised; the direction is.
        assert all(math.isfinite(each) for each in told) and after["nll/forget"] > before["nll/forget"]
    else:
        check_losses(tmp_path / "run", STEPS, few=STEPS // 3)


@pytest.mark.long
@pytest.mark.parametrize("name", METHODS)
def test_the_whole_way_from_a_folder_with_a_frozen_reference(
    name: str, real_pairs: list[dict[str, str]], shared: Path, tmp_path: Path
) -> None:
    rows = rows_for(build(name), real_pairs)
    model = str(shared / "models" / "tinystories-260k")
    steps = {"batch_size": len(rows), "max_steps": 20, "save_every": 20, "learning_rate": 5e-4}
    result = penchant.train(model, rows, name, tmp_path / "run", **RECIPE, **steps)
    assert result.summary["cut"]["kept"] == len(rows)
    check_losses(tmp_path / "run", 20, few=5)
