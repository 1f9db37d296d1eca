"""Online runs pass over damaged states, samples and checkpoints, and keep every line and warning."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from damage import DAMAGES, flip
from families import tiny_model
from online.conftest import Run
from online.killing import Killed, killed_at
from penchant.errors import CheckpointError, ConfigurationError
from penchant.online.loop import OnlineRun
from penchant.training.trainer import PreferenceTrainer
from small_judges import JUDGES, classifier
from small_runs import largest_gap, weights, word_tokenizer

KEYS: dict[str, Any] = {"iterations": 4, "eval_every": 1, "save_every": 1}
TIMED = {"seconds", "tokens_per_second"}


def rows(run: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


def killed(online: Run, patch: pytest.MonkeyPatch, place: tuple[Any, str, int], run: Path, **keys: Any) -> None:
    """Let a run die before a call of a method: its owner, its name, and the number of the call."""
    with patch.context() as inner:
        killed_at(inner, *place)
        with pytest.raises(Killed):
            online(run.name, **keys)


@pytest.fixture(autouse=True)
def warning(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each round warns before it begins."""
    original = OnlineRun._round

    def warns(self: OnlineRun, number: int) -> None:
        logging.getLogger("penchant").warning("A warning of round %d.", number + 1)
        original(self, number)

    monkeypatch.setattr(OnlineRun, "_round", warns)
    yield


@pytest.fixture(scope="module")
def done() -> dict[str, Any]:
    """The uninterrupted run, made by the first test that compares with it."""
    return {}


def uninterrupted(online: Run, done: dict[str, Any]) -> Any:
    if "run" not in done:
        done["run"] = online("whole", **KEYS)
    return done["run"]


@pytest.mark.parametrize(
    ("save_rounds", "place"),
    [
        pytest.param(2, (PreferenceTrainer, "training_step", 8), id="in a round after an unsaved one"),
        pytest.param(3, (PreferenceTrainer, "training_step", 6), id="two rounds after the start"),
        pytest.param(1, (PreferenceTrainer, "training_step", 6), id="in the round after a state"),
        pytest.param(1, (OnlineRun, "_measure", 3), id="between saving and measuring"),
        pytest.param(2, (PreferenceTrainer, "training_step", 2), id="in the first round"),
    ],
)
def test_every_line_and_warning_stands_there_once(
    save_rounds: int,
    place: tuple[Any, str, int],
    online: Run,
    done: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, run, keys = uninterrupted(online, done), tmp_path / "killed", {**KEYS, "save_rounds": save_rounds}
    killed(online, monkeypatch, place, run, **keys)
    resumed = online("killed", resume=True, **keys)
    assert rows(run) == rows(whole.folder)
    assert resumed.summary["warnings"] == whole.summary["warnings"]
    assert largest_gap(weights(run), weights(whole.folder)) == 0.0
    for part in ("before", "after", "steps", "examples"):
        assert resumed.summary[part] == whole.summary[part]


FILES = ("states/state-00002.pt", "states/state-00002.json", "rounds/00003/rollouts.json")
INSIDE = ("model.safetensors", "optimizer.pt", "rng_state.pth", "notes.json", "complete.json", "trainer_state.json")


def test_damage_is_named_and_passed_over(
    online: Run, done: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, keys = uninterrupted(online, done), {**KEYS, "save_rounds": 1}
    # In the second step of the third round, after the checkpoint of the first.
    killed(online, monkeypatch, (PreferenceTrainer, "training_step", 6), tmp_path / "killed", **keys)
    (inside,) = (tmp_path / "killed/rounds/00003/checkpoints").iterdir()
    files = [*FILES, "rounds/00003/rollouts.manifest.json"]
    files += [f"rounds/00003/checkpoints/{inside.name}/{name}" for name in INSIDE]
    damages = list(DAMAGES.values())
    for number, name in enumerate(files):
        damage = damages[number % len(damages)]
        run = Path(shutil.copytree(tmp_path / "killed", tmp_path / f"damaged-{number}"))
        damage(run / name)
        resumed = online(run.name, resume=True, **keys)
        said = [text for text in resumed.summary["warnings"] if "cannot be used" in text]
        alone = name.endswith(("rollouts.json", "rollouts.manifest.json")) and damage is Path.unlink
        assert alone or Path(name).name in said[0] or "incomplete" in said[0], (name, damage, said)
        assert rows(run) == rows(whole.folder), name
        assert largest_gap(weights(run), weights(whole.folder)) == 0.0, name


def test_a_state_of_another_run_is_passed_over(online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {**KEYS, "save_rounds": 1}
    killed(online, monkeypatch, (PreferenceTrainer, "training_step", 6), tmp_path / "killed", **keys)
    other = online("other", **{**keys, "seed": 5, "iterations": 2})
    for name in ("state-00002.pt", "state-00002.json"):
        shutil.copy(other.folder / "states" / name, tmp_path / "killed/states" / name)
    resumed = online("killed", resume=True, **keys)
    (said,) = [text for text in resumed.summary["warnings"] if "cannot be used" in text]
    assert "state-00002.pt" in said and "another run" in said and "falling back to state-00001.pt" in said


def test_when_no_good_state_is_left_it_says_so(online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {**KEYS, "save_rounds": 1}
    killed(online, monkeypatch, (PreferenceTrainer, "training_step", 6), tmp_path / "killed", **keys)
    for path in (tmp_path / "killed/states").glob("*.pt"):
        flip(path)
    with pytest.raises(CheckpointError, match=r"No saved state of the run can be used \(state-00002.pt: .*is damaged"):
        online("killed", resume=True, **keys)


def test_another_judge_under_the_same_name_is_refused(
    online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "def reward(prompt, response):\n    return float(response.count('red'))\n"
    (tmp_path / "own_reward.py").write_text(code)
    keys = {**KEYS, "judge": {"name": "function", "path": f"{tmp_path / 'own_reward.py'}:reward"}, "pairing": "all"}
    killed(online, monkeypatch, (OnlineRun, "_measure", 2), tmp_path / "killed", **keys)
    (tmp_path / "own_reward.py").write_text(code.replace("red", "blue"))
    with pytest.raises(ConfigurationError, match=r"The code of the judge has changed.*then, .* now"):
        online("killed", resume=True, **keys)


@pytest.mark.parametrize("what", ["judge", "reference"])
def test_other_weights_of_a_member_or_a_teacher_are_refused(
    what: str, online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    word_tokenizer().save_pretrained(other)
    if what == "judge":
        network = classifier()
        members = [{"name": "reward_model", "model": str(other)}, {"name": "function", "path": f"{JUDGES}:reds"}]
        keys: dict[str, Any] = {**KEYS, "judge": members, "pairing": "all"}
    else:
        network = tiny_model("llama", seed=7)
        keys = {**KEYS, "method": "on-policy-distillation", "teacher": str(other)}
        for name in ("objective", "pairing", "judge", "reference"):
            keys.pop(name, None)
    network.save_pretrained(other)
    killed(online, monkeypatch, (OnlineRun, "_measure", 2), tmp_path / "killed", **keys)
    with torch.no_grad():
        next(network.parameters()).add_(0.1)
    network.save_pretrained(other)
    with pytest.raises(ConfigurationError, match=rf"The {what} has changed.*then, .* now"):
        online("killed", resume=True, **keys)
