"""A resumed run has every line of ``metrics.jsonl`` once, and the warnings of the uninterrupted run."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penchant
from damage import cut, zero
from penchant.diagnostics import alarms
from penchant.diagnostics.alarms import Alarms
from small_runs import pairs, stopped_after

RECIPE: dict[str, Any] = {
    "batch_size": 4,
    "max_steps": 6,
    "learning_rate": 1e-3,
    "save_every": 2,
    "eval_every": 3,
    "keep_checkpoints": 4,
    "samples": 0,
}
# What the clock decides.
TIMED = {"seconds", "tokens_per_second"}


def warn(step: int, split: str, numbers: dict[str, float]) -> None:
    """A listener that warns at steps 1 and 3."""
    if split == "train" and step in (1, 3):
        logging.getLogger("penchant").warning("A warning of step %d.", step)


def rows(run: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


@pytest.fixture(scope="module")
def patches() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
        patch.setattr(alarms, "PATIENCE", 2)
        patch.setattr("penchant.diagnostics.alarms.Alarms._saturation", saturated)
        yield patch


def saturated(self: Alarms) -> None:
    """The alarm of a margin, at a margin that a tiny run reaches."""
    margin = self._full("rewards/margin")
    if margin is not None and sum(margin) > 0:
        self._once("saturation", f"The margin is saturated: {sum(margin):.9f}.")


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory, patches: pytest.MonkeyPatch) -> penchant.Result:
    """The uninterrupted run."""
    output = tmp_path_factory.mktemp("whole") / "run"
    return penchant.train(folder, pairs(), output=output, callbacks=[warn], **RECIPE)


@pytest.fixture(scope="module")
def stopped(folder: Path, tmp_path_factory: pytest.TempPathFactory, patches: pytest.MonkeyPatch) -> Path:
    """A run that died in step 5, after the checkpoint of step 4; each test has a copy."""
    output = tmp_path_factory.mktemp("stopped") / "run"
    stopped_after(5, lambda: penchant.train(folder, pairs(), output=output, callbacks=[warn], **RECIPE), patches)
    return output


def without_third(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))


def half_last(path: Path) -> None:
    path.write_text(path.read_text() + '{"step": 6, "split": "tr')


def changed_number(path: Path) -> None:
    path.write_text(re.sub(r'"loss": 0\.(\d)', lambda found: f'"loss": 0.{(int(found[1]) + 1) % 10}', path.read_text()))


def twice(path: Path) -> None:
    path.write_text(path.read_text() * 2)


def other_bytes(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:200] + b"\xff\xfe" + content[202:])


@pytest.mark.parametrize(
    "damage",
    [half_last, without_third, changed_number, twice, other_bytes, cut, zero, Path.unlink],
    ids=lambda each: each.__name__,
)
def test_every_line_stands_there_once(
    damage: Callable[[Path], object], folder: Path, stopped: Path, whole: penchant.Result, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(stopped, tmp_path / "run"))
    damage(run / "metrics.jsonl")
    summary = penchant.train(folder, pairs(), output=run, resume=True, callbacks=[warn], **RECIPE).summary
    assert rows(run) == rows(whole.folder)
    restored = any("restored from the checkpoint" in text for text in summary["warnings"])
    assert restored is (damage not in (half_last, twice))
    seconds = [json.loads(line)["seconds"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert seconds == sorted(seconds)


def test_warnings_are_those_of_the_uninterrupted_run(
    folder: Path, stopped: Path, whole: penchant.Result, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(stopped, tmp_path / "run"))
    summary = penchant.train(folder, pairs(), output=run, resume=True, callbacks=[warn], **RECIPE).summary
    expected = whole.summary["warnings"]
    assert [text for text in expected if text.startswith("A warning of step")] == [
        "A warning of step 1.",
        "A warning of step 3.",
    ]
    assert any(text.startswith("The margin is saturated") for text in expected)
    assert summary["warnings"] == expected
    for part in ("before", "after", "intervals", "steps", "fingerprints", "cut"):
        assert summary[part] == whole.summary[part]


def test_alarms_go_on_where_they_were() -> None:
    said: list[str] = []
    numbers = [{"rewards/chosen": -0.1 * step, "rewards/rejected": -1.0, "kl": 9.0 * step} for step in range(60)]
    entire = Alarms(said.append)
    for step, each in enumerate(numbers):
        entire.watch(step, "train", each)
    expected, said[:] = list(said), []
    assert len(expected) == 2
    for stop in range(0, 60, 7):
        said.clear()
        first, second = Alarms(said.append), Alarms(said.append)
        for step, each in enumerate(numbers[:stop]):
            first.watch(step, "train", each)
        second.restore(json.loads(json.dumps(first.state())))
        for step, each in enumerate(numbers[stop:], stop):
            second.watch(step, "train", each)
        assert said == expected, stop
