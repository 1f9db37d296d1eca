"""Sparse differences that are added and taken away, and halves that are set back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from penchant.cli.app import main
from penchant.errors import ConfigurationError, ModelError
from penchant.likelihood.loading import load_model
from penchant.training import Result
from penchant.training.parameters.tools import compose, half_reset
from small_runs import model_folder, pairs, weights

Train = Callable[..., Result]


@pytest.fixture
def two(train: Train) -> list[Result]:
    sparse: dict[str, Any] = {"parameters": {"name": "lt-sft", "ratio": 0.05}, "max_steps": 4}
    return [
        train("first", **sparse, data=pairs()[:6], learning_rate=1e-2),
        train("second", **sparse, data=pairs()[6:], learning_rate=1e-2),
    ]


def composed(base: Path, out: Path, *given: object) -> None:
    assert main(["weights", "compose", str(base), *map(str, given), "--out", str(out)]) == 0


def test_differences_add_in_any_order_and_are_taken_away_again(
    two: list[Result], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = load_file(folder / "model.safetensors")
    first, second = (each.folder for each in two)
    composed(folder, tmp_path / "one", first)
    composed(folder, tmp_path / "both", first, second)
    assert main(["weights", "compose", str(folder), str(second), str(first), "--out", str(tmp_path / "turned")]) == 0
    assert "weights" in capsys.readouterr().out
    one, both, turned = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "both", "turned"))
    parts = [weights(each) for each in (first, second)]
    for name, each in start.items():
        assert torch.allclose(one[name], parts[0][name], atol=1e-6)
        assert torch.allclose(both[name] - each, parts[0][name] + parts[1][name] - 2 * each, atol=1e-6)
        assert torch.equal(both[name], turned[name])
    composed(tmp_path / "both", tmp_path / "back", "--subtract", first, "--subtract", second)
    back = load_file(tmp_path / "back" / "model.safetensors")
    assert all(torch.allclose(back[name], each, atol=1e-6) for name, each in start.items())


def test_what_does_not_fit_is_refused(two: list[Result], folder: Path, tmp_path: Path) -> None:
    model, other = load_model(folder), load_model(model_folder(tmp_path / "other", "gpt2"))
    with pytest.raises(ModelError, match="the model has no such weight"):
        compose(other, [two[0].folder])
    with pytest.raises(ModelError, match="different weights"):
        half_reset(other, model)
    with pytest.raises(ModelError, match="holds no sparse difference"):
        compose(model, [folder / "model.safetensors"])
    with pytest.raises(ModelError, match="cannot be read"):
        compose(model, [tmp_path / "nothing"])
    with pytest.raises(ConfigurationError, match="No difference is given"):
        compose(model, [])
    with pytest.raises(ConfigurationError, match=r"ratio is 1\.0"):
        half_reset(model, model, ratio=1.0)
    assert main(["weights", "compose", str(folder), str(two[0].folder), "--out", str(folder)]) == 1


@pytest.mark.parametrize("level", ["category", "layer", "model"])
def test_a_half_is_set_back_and_the_rest_stays_as_tuned(level: str, train: Train, folder: Path, tmp_path: Path) -> None:
    tuned = train("tuned", optimizer="adamw_torch").folder / "model"
    said = [str(folder), str(tuned), "--level", level, "--out"]
    assert main(["weights", "half-reset", *said, str(tmp_path / "half")]) == 0
    run = [str(folder), str(tuned.parent), "--level", level, "--output"]
    assert main(["weights", "half-reset", *run, str(tmp_path / "same")]) == 0
    start, after = load_file(folder / "model.safetensors"), load_file(tuned / "model.safetensors")
    half, same = (load_file(tmp_path / name / "model.safetensors") for name in ("half", "same"))
    reset = {name for name, each in half.items() if torch.equal(each, start[name])}
    assert all(torch.equal(half[name], after[name]) for name in half.keys() - reset)
    assert all(torch.equal(half[name], each) for name, each in same.items())
    assert len(reset) > 0 and not {"model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"} & reset
    matrices = [name for name in half if "layers" in name and half[name].dim() > 1]
    assert abs(len(reset & set(matrices)) - len(matrices) / 2) <= 2
