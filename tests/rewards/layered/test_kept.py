"""A training of LEVI that was stopped anywhere goes on, and becomes the ensemble that it would have become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.cli.app import main
from penchant.feedback.reading import read
from penchant.rewards.layered import kept as keeping
from penchant.rewards.layered.features import LayeredFeatures
from penchant.rewards.layered.fitting import LayeredSettings
from penchant.rewards.layered.folder import load_layered
from penchant.rewards.layered.kept import Kept
from penchant.rewards.layered.training import TrainedLayered, train_layered
from small_runs import both_sides, model_folder, pairs, write_pairs

QUICK = LayeredSettings(small=8, hidden=8, epochs=3, learning_rate=1e-2, batch_size=8)


class Killed(BaseException):
    """As a signal that no handler sees."""


@pytest.fixture(autouse=True)
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kept, "due", lambda self: self.file is not None)


def killed_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends in the middle of the write that follows so many."""
    real, done = keeping.replacing, []

    def replacing(path: Path) -> Any:
        done.append(path)
        if len(done) > writes:
            raise Killed
        return real(path)

    monkeypatch.setattr(keeping, "replacing", replacing)


def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The forward passes of the frozen model from now on."""
    counted: list[int] = []
    real = LayeredFeatures.states

    def states(self: LayeredFeatures, ids: Any, mask: Any) -> Any:
        counted.append(len(ids))
        return real(self, ids, mask)

    monkeypatch.setattr(LayeredFeatures, "states", states)
    return counted


def numbers(trained: TrainedLayered) -> dict[str, Any]:
    return {**trained.layered.ensemble.state_dict(), **trained.as_dict()}


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    equal = [torch.equal(v, right[k]) if isinstance(v, torch.Tensor) else v == right[k] for k, v in left.items()]
    return left.keys() == right.keys() and all(equal)


# Two sets of states, 3 · 3 steps of the ensemble, then those of the probe.
@pytest.mark.parametrize("writes", [0, 1, 2, 7, 14])
@pytest.mark.parametrize("kind", ["comparisons", "judgements"])
def test_a_stopped_training_becomes_what_it_would_have_become(
    kind: str, writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = str(model_folder(tmp_path / "model"))
    rows = pairs(24) if kind == "comparisons" else both_sides(pairs(12))
    records = list(read(rows))
    given: tuple[Any, ...] = (model, records[:18], {"held-out": records[18:]}, QUICK)
    whole = numbers(train_layered(*given))
    keep = tmp_path / "levi"
    with monkeypatch.context() as patch:
        killed_after(writes, patch)
        with pytest.raises(Killed):
            train_layered(*given, keep=keep)
    counted = passes(monkeypatch)
    assert same(whole, numbers(train_layered(*given, keep=keep)))
    if writes >= 2:
        assert not counted  # the states of both sets were kept


def test_steps_that_were_done_are_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: tuple[Any, ...] = (str(model_folder(tmp_path / "model")), list(read(pairs(18))), {}, QUICK)
    steps: list[int] = []
    real = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *given: real(*given, *steps.append(1) or ()))
    with monkeypatch.context() as patch:
        killed_after(6, patch)  # the states and five of nine steps
        with pytest.raises(Killed):
            train_layered(*given, keep=tmp_path / "levi")
    assert len(steps) == 6
    steps.clear()
    train_layered(*given, keep=tmp_path / "levi")
    assert len(steps) == 4 + 9  # the rest, and the probe
    # What is finished is kept until the command deletes it.
    steps.clear()
    train_layered(*given, keep=tmp_path / "levi")
    assert not steps


@pytest.mark.parametrize("changed", ["settings", "records", "layers", "damaged"])
def test_what_was_kept_for_something_else_or_is_damaged_is_not_used(changed: str, tmp_path: Path) -> None:
    model, records = str(model_folder(tmp_path / "model")), list(read(pairs(18)))
    keep = tmp_path / "levi"
    train_layered(model, records, {}, QUICK, keep=keep)
    given: dict[str, Any] = {"settings": QUICK, "layers": None}
    if changed == "settings":
        given["settings"] = LayeredSettings(**{**vars(QUICK), "learning_rate": 1e-3})
    elif changed == "records":
        records = records[:16]
    elif changed == "layers":
        given["layers"] = [2]
    else:
        for file in keep.iterdir():
            file.write_bytes(file.read_bytes()[:-200])
    found = train_layered(model, records, {}, **given, keep=keep)
    assert same(numbers(train_layered(model, records, {}, **given)), numbers(found))


def test_the_command_goes_on_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = model_folder(tmp_path / "model"), write_pairs(tmp_path / "pairs.jsonl")
    words = ["levi", "--data", str(data), "--model", str(model), "--epochs", "2", "--out"]
    assert main([*words, str(tmp_path / "whole")]) == 0
    with monkeypatch.context() as patch:
        killed_after(3, patch)
        with pytest.raises(Killed):
            main([*words, str(tmp_path / "stopped")])
    assert list((tmp_path / "stopped").glob(".*.unfinished.pt"))
    assert main([*words, str(tmp_path / "stopped")]) == 0
    assert sorted(each.name for each in (tmp_path / "stopped").iterdir()) == ["levi.json", "levi.safetensors"]
    one, two = (load_layered(tmp_path / name).ensemble.state_dict() for name in ("whole", "stopped"))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
