"""A trained CRMT folder judges by classes, with both modalities or with one, as training measured."""

from __future__ import annotations

from pathlib import Path

import pytest

import penchant
from penchant.errors import ConfigurationError
from penchant.rewards import build_judge
from penchant.rewards.folders import judge_of_folder
from small_runs import COLOURS, model_folder


def rows() -> list[dict[str, object]]:
    """The class is told by the response, and by the prompt too in half of the rows."""
    found = []
    for place, colour in enumerate(COLOURS * 2):
        for label, word in enumerate(("bad", "good")):
            prompt = f"which colour is {word}" if place % 2 else "which colour is very old"
            found.append({"prompt": prompt, "completion": f"the {colour} is {word}", "class_label": label})
    return found


def test_a_crmt_folder_is_a_judge_that_can_do_without_a_modality(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    model = model_folder(tmp_path / "m")
    given = {"batch_size": 8, "learning_rate": 3e-3, "epochs": 8, "checkpoints": "none"}
    run = penchant.train(model, rows(), {"name": "crmt"}, output=tmp_path / "run", **given)
    after = run.summary["after"]
    for key, without in (("class_accuracy", None), ("accuracy_without_first", 1), ("accuracy_without_second", 2)):
        settings = judge_of_folder(tmp_path / "run") | ({} if without is None else {"without": without})
        judge = build_judge(settings)
        said = [judge.score(row["prompt"], [row["completion"]])[0] for row in rows()]  # type: ignore[list-item]
        right = [(score > 0.5) == bool(row["class_label"]) for score, row in zip(said, rows(), strict=True)]
        assert sum(right) / len(right) == pytest.approx(after[key], abs=0.05), key
    assert after["class_accuracy"] > 0.9 > after["accuracy_without_second"]
    # The second step starts from the folder, and moves the factors alone.
    again = penchant.train(
        tmp_path / "run/model", rows(), {"name": "crmt", "certify": True}, output=tmp_path / "again", **given
    )
    before, after = (again.summary[side]["certified_radius"] for side in ("before", "after"))
    assert after > before
    bt = [{"prompt": "which", "chosen": "good", "rejected": "bad"}] * 4
    penchant.train(model, bt, {"name": "bt"}, output=tmp_path / "bt", max_steps=1, batch_size=2)
    with pytest.raises(ConfigurationError, match="reads prompt and response together"):
        build_judge({**judge_of_folder(tmp_path / "bt"), "without": 1})
