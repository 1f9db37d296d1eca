"""Scaling studies: planted laws are found, one training serves all sets, and the command says what falls."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.evaluation.policies.held_out import held_out_pair_likelihood
from penchant.training.parameters.counting import weight_count
from penchant.training.studies import running
from penchant.training.studies.cells import cells
from penchant.training.studies.findings import findings, sentences
from penchant.training.studies.plans import read_study
from penchant.training.studies.running import Scored
from small_runs import model_folder, pairs, write_pairs

SETS = {"objective": "objective.jsonl", "subjective": "subjective.jsonl"}


def planned(**changes: Any) -> Any:
    keys = {"models": ["small", "large"], "pairs": "pairs.jsonl", "sizes": [100, 200, 400], "seeds": 1, **changes}
    return read_study("preference-scaling", {**keys, **{f"sets.{name}": path for name, path in SETS.items()}})


def test_planted_laws_are_found_and_a_constant_loss_has_none() -> None:
    study = planned()
    weights = {"small": 1000, "large": 8000}
    scored = []
    for cell in cells(study):
        name, kind = cell.row.split(", ")
        own = weights[name]
        loss = 3.0 * cell.column**-0.3 * own**-0.1 if kind == "objective" else math.log(2)
        scored.append(Scored(cell, -loss, own))
    found = {(row["set"], row["model"]): row for row in findings(study, scored)["laws"]}
    assert found["objective", "small"]["exponent"] == pytest.approx(0.3)
    assert found["objective", "small"]["fit"] == pytest.approx(1.0)
    assert found["objective", None]["exponent"] == pytest.approx(0.1)
    assert found["subjective", "large"]["exponent"] == 0.0
    said = sentences(findings(study, scored))
    assert "objective, small: the loss falls with the pairs, α = 0.300 (0.300 to 0.300), R² = 1.00." in said
    assert any(line.startswith("subjective, large: the loss shows no law with the pairs") for line in said)


def test_models_of_the_same_name_are_told_apart() -> None:
    rows = {cell.row for cell in cells(planned(models=["a/model", "b/model"]))}
    assert "a/model, objective" in rows and len(rows) == 4


def test_the_command_trains_once_for_all_sets_and_counts_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pairs()
    turned = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in rows]
    content = {
        "design": "scaling",
        "models": [str(model_folder(tmp_path / "model"))],
        "pairs": str(write_pairs(tmp_path / "pairs.jsonl")),
        "sizes": [4, 8],
        "sets": {
            "objective": str(write_pairs(tmp_path / "same.jsonl", rows[8:])),
            "turned": str(write_pairs(tmp_path / "turned.jsonl", turned[8:])),
        },
        "seeds": 1,
        "preference": {
            "objective": {"name": "bt"},
            "epochs": 1,
            "batch_size": 2,
            "learning_rate": 1e-3,
            "checkpoints": "none",
        },
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    trained: list[Any] = []
    whole = running.train
    monkeypatch.setattr(
        running, "train", lambda *given, **keys: trained.append(keys["output"]) or whole(*given, **keys)
    )
    assert main(["study", str(tmp_path / "study.yaml"), "--out", str(tmp_path / "out")]) == 0
    assert len(trained) == len(set(trained)) == 2
    assert "turned, model: the loss" in capsys.readouterr().out
    results = json.loads((tmp_path / "out/study.json").read_text())
    losses = {(row["row"].split(", ")[1], row["column"]): row["mean"] for row in results["table"]}
    # log σ(m) + log σ(−m) is at most −2 log 2, and less where the model prefers a side.
    assert losses["objective", 8.0] + losses["turned", 8.0] > 2 * math.log(2)
    folder = Path(trained[1]) / "model"
    assert -held_out_pair_likelihood(folder, content["sets"]["objective"]) in [
        pytest.approx(losses["objective", 4.0]),
        pytest.approx(losses["objective", 8.0]),
    ]
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert weight_count(folder) == sum(each.numel() for each in model.parameters())
    assert "Preference losses over data and model" in (tmp_path / "out/study.html").read_text()


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ConfigurationError, match="models: it is missing"):
        read_study("preference-scaling")
    with pytest.raises(ConfigurationError, match="lacks pairs"):
        planned(pairs=None)
    with pytest.raises(ConfigurationError, match="sizes"):
        planned(sizes=[100])


def test_a_study_of_ones_own_trains_reward_models_without_being_told(tmp_path: Path) -> None:
    """It trained policies, and failed after the first of them."""
    plan = {"design": "scaling", "models": ["M"], "pairs": "P.jsonl", "sizes": [1, 2], "sets": {"all": "S.jsonl"}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
    assert read_study(str(tmp_path / "own.yaml")).preference == {"objective": {"name": "bt"}}
    kept = read_study(str(tmp_path / "own.yaml"), {"preference.objective": {"name": "gpm", "dimension": 4}})
    assert kept.preference["objective"] == {"name": "gpm", "dimension": 4}
    with pytest.raises(ConfigurationError, match=r"preference\.objective is dpo, which trains a policy"):
        read_study(str(tmp_path / "own.yaml"), {"preference.objective": {"name": "dpo"}})
