"""A trained model goes to the hub, and what would fail at the upload is said at the start."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from hub_stand_in import TOKEN, Hub, hub_stand_in
from penchant.errors import ConfigurationError
from penchant.training import Result

Train = Callable[..., Result]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_stand_in() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        yield made


def test_the_model_arrives_with_its_card(train: Train, hub: Hub) -> None:
    run = train(push_to_hub="m")
    assert [each["name"] for each in hub.created] == ["m"] and "private" in json.dumps(hub.created[0])
    saved = {path.name: path.read_bytes() for path in (run.folder / "model").iterdir()}
    assert hub.card["pipeline_tag"] == "text-generation"
    assert hub.files == saved and "README.md" in hub.files
    assert json.loads((run.folder / "summary.json").read_text())["hub"] == f"{hub.url}/ada/m"
    assert TOKEN not in (run.folder / "recipe.yaml").read_text()
    assert yaml.safe_load((run.folder / "recipe.yaml").read_text())["push_to_hub"] == "m"


def test_an_upload_that_fails_leaves_the_run(train: Train, hub: Hub) -> None:
    def break_down(step: int, split: str, numbers: dict[str, float]) -> None:
        hub.broken = True

    run = train(push_to_hub="ada/m", callbacks=break_down)
    assert (run.folder / "model" / "model.safetensors").is_file() and not hub.files
    assert any("hf upload ada/m" in warning for warning in run.summary["warnings"])


@pytest.mark.parametrize(
    ("repository", "token", "role", "message"),
    [
        ("turing/m", TOKEN, "write", "belongs to 'ada', who is not a member of 'turing'"),
        ("analytical/m", TOKEN, "read", "The token may only read"),
        ("ada/m", "hf_wrong", "write", "does not answer for this token"),
        ("ada/m", "", "write", "There is no token"),
        ("a/b/c", TOKEN, "write", "is not the name of a repository"),
    ],
)
def test_what_the_upload_would_refuse_is_said_before_anything_is_done(
    repository: str,
    token: str,
    role: str,
    message: str,
    train: Train,
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    hub.role = role
    with pytest.raises(ConfigurationError, match=message):
        train(push_to_hub=repository)
    assert not (tmp_path / "run").exists() and not hub.created
