"""A run goes on only where everything that its result depends on is what it was; what differs is named, old and new."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from penchant.errors import ConfigurationError
from penchant.training import Result
from small_runs import model_folder, pairs, stopped_after, write_pairs

LOSS = '''"""A loss of our own."""

from scales import SCALE


def hinge(chosen, rejected):
    return (1 - SCALE * (chosen.logratio - rejected.logratio)).clamp(min=0)
'''


class Setting:
    """Files of a user, and a run of them that died."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def train(self, **changed: Any) -> Result:
        recipe: dict[str, Any] = {
            "model": self.place / "model",
            "data": self.place / "data.jsonl",
            "eval_data": self.place / "heldout.jsonl",
            "objective": {"path": f"{self.place / 'loss.py'}:hinge"},
            "chat_template": str(self.place / "template.jinja"),
            "output": self.place / "run",
            "batch_size": 4,
            "max_steps": 3,
            "save_every": 1,
            "samples": 0,
        }
        return penchant.train(**{**recipe, **changed})


@pytest.fixture(scope="module")
def died(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("user")
    model_folder(place / "model")
    write_pairs(place / "data.jsonl")
    write_pairs(place / "heldout.jsonl", pairs(16)[12:])
    (place / "loss.py").write_text(LOSS)
    (place / "scales.py").write_text("SCALE = 0.1\n")
    (place / "template.jinja").write_text(
        "{% for message in messages %}{{ message.content }} {% if message.role == 'assistant' %}</s>{% endif %}"
        "{% endfor %}"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
        stopped_after(2, Setting(place).train, patch)
    return place


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        text = (place / name).read_text(encoding="utf-8")
        assert old in text
        (place / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


def one_weight(place: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(place / "model/model.safetensors")
    next(iter(tensors.values())).view(-1)[0] += 1e-3
    save_file(tensors, place / "model/model.safetensors", metadata={"format": "pt"})


CHANGES: dict[str, Callable[[Path], None]] = {
    "model": one_weight,
    "data": replaced("data.jsonl", "gold", "pink"),
    "held-out data": replaced("heldout.jsonl", "tree", "cup"),
    "tokenizer": replaced("model/tokenizer.json", '"blue"', '"teal"'),
    "chat template": replaced("template.jinja", "content }} ", "content }}  "),
    "code of the objective": replaced("loss.py", "(1 - ", "(2 - "),
}


@pytest.fixture
def user(died: Path, tmp_path: Path) -> Any:
    """The user's files, put back after the test."""
    shutil.copytree(died, tmp_path / "kept")
    yield Setting(died)
    shutil.rmtree(died)
    shutil.copytree(tmp_path / "kept", died)


@pytest.mark.parametrize("name", CHANGES)
def test_what_has_changed_is_named(name: str, user: Setting) -> None:
    origin = json.loads((user.place / "run/origin.json").read_text())
    CHANGES[name](user.place)
    with pytest.raises(ConfigurationError) as caught:
        user.train(resume=True)
    said = str(caught.value)
    assert f"The {name} has changed since the run was started (fingerprint {origin[name][:12]} then, " in said
    assert "another folder (--out)" in said
    assert not any(f"The {other} has changed" in said for other in CHANGES if other != name)


def test_the_code_beside_is_compared_too(user: Setting) -> None:
    (user.place / "scales.py").write_text("SCALE = 0.2\n")
    with pytest.raises(ConfigurationError, match=r"The code of the objective has changed.*\(objective in the recipe\)"):
        user.train(resume=True)


def test_what_does_not_matter_may_change(user: Setting) -> None:
    (user.place / "other.py").write_text("NOTHING = 1\n")
    (user.place / "model/README.md").write_text("A model.")
    result = user.train(resume=True)
    assert result.summary["steps"] == 3 and torch.isfinite(torch.tensor(result.summary["after"]["loss"]))


def test_several_changes_are_named_together(user: Setting) -> None:
    for name in ("data", "held-out data"):
        CHANGES[name](user.place)
    with pytest.raises(ConfigurationError, match=r"The data has changed.*The held-out data has changed"):
        user.train(resume=True)
    with pytest.raises(ConfigurationError, match=r"batch_size = 4, but this recipe has 2\..*seed = 0, but .* has 1\."):
        user.train(resume=True, batch_size=2, seed=1)
