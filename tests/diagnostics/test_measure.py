"""Diagnosing a model: the figures are those of plain scores, in Python and on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

import penchant
from families import tiny_model
from penchant.cli.app import main
from penchant.diagnostics.findings import MEANINGS, Plan
from penchant.diagnostics.measure import diagnose
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.rows import ScoredRows
from penchant.feedback.reading import read
from penchant.rewards.registry import build_judge
from small_runs import model_folder, pairs, word_tokenizer, write_pairs

COUNT = 8


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("diagnosed")
    model_folder(root / "reference")
    tiny_model("llama", seed=7).save_pretrained(root / "model")
    word_tokenizer().save_pretrained(root / "model")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForSequenceClassification(LlamaConfig(vocab_size=64, num_labels=1, **sizes)).save_pretrained(root / "judge")
    word_tokenizer().save_pretrained(root / "judge")
    write_pairs(root / "pairs.jsonl", pairs(COUNT))
    write_pairs(root / "shifted.jsonl", pairs(COUNT + 4)[COUNT:])
    return {each.stem: str(each) for each in root.iterdir()}


@pytest.fixture(scope="module")
def scored(folders: dict[str, str]) -> ScoredRows:
    return penchant.score(folders["model"], folders["pairs"], reference=folders["reference"])


def test_figures_are_those_of_plain_scores(folders: dict[str, str], scored: ScoredRows) -> None:
    found = diagnose(folders["model"], folders["pairs"], folders["reference"], Plan(beta=0.2, agreement=0.5)).figures
    both = [row["responses"] for row in scored.rows]
    before = [[each["logp"] - each["logratio"] for each in pair] for pair in both]
    assert found["ranking/model"] == sum(one["logp"] > other["logp"] for one, other in both) / COUNT
    assert found["ranking/model_mean"] == sum(one["mean_logp"] > other["mean_logp"] for one, other in both) / COUNT
    assert found["ranking/reference"] == sum(one > other for one, other in before) / COUNT
    # Undecided annotators leave the reference's own order as the ideal.
    assert found["ranking/ideal"] == found["ranking/reference"]
    assert found["ranking/alignment_gap"] == pytest.approx(found["ranking/ideal"] - found["ranking/model"])
    assert found["3d/share_chosen_below_reference"] == sum(pair[0]["logratio"] < 0 for pair in both) / COUNT
    assert found["3d/logp_chosen"] == pytest.approx(sum(pair[0]["logp"] for pair in both) / COUNT, rel=1e-6)
    per_token = [
        [value / each["tokens"] for value, each in zip(*row, strict=True)] for row in zip(before, both, strict=True)
    ]
    undesirable = [
        pair[0]["mean_logp"] < pair[1]["mean_logp"] and pair[0]["mean_logp"] - pair[1]["mean_logp"] > ref[0] - ref[1]
        for pair, ref in zip(both, per_token, strict=True)
    ]
    assert found["space/share_undesirable"] == sum(undesirable) / COUNT


def test_a_probability_in_the_data_is_the_annotators_share(folders: dict[str, str]) -> None:
    def ideal(probability: float) -> tuple[float, list[str]]:
        rows = pairs(COUNT, probability=[probability] * COUNT)
        found = diagnose(folders["model"], rows, folders["reference"], Plan(beta=1e-4))
        return found.figures["ranking/ideal"], found.notes

    assert ideal(0.9) == (1.0, []) and ideal(0.1) == (0.0, [])


def test_labels_without_a_share_are_taken_as_certain_and_that_is_noted(folders: dict[str, str]) -> None:
    found = diagnose(folders["model"], folders["pairs"], folders["reference"])
    assert found.figures["ranking/ideal"] == 1.0 and "8 of 8 records have no probability" in found.notes[0]


def test_the_command_prints_and_writes_every_figure(
    folders: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "found.json"
    line = ["diagnose", "--model", folders["model"], "--reference", folders["reference"], "--data", folders["pairs"]]
    extras = ["--unseen", folders["shifted"], "--reward-model", folders["judge"], "--shifted", folders["shifted"]]
    assert main([*line, *extras, "--entanglement", "3", "--tokens", "1", "--form", "mean", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    said = capsys.readouterr().out
    assert found["pairs"] == COUNT and all(name in said for name in found["figures"])
    exact = {name for name in MEANINGS if not name.endswith("/")}
    assert exact <= set(found["figures"])
    assert {"explicit/data", "implicit/shifted.jsonl", "drop/mean", "drop/max"} <= set(found["figures"])
    shares = [found["figures"][f"entanglement/share_{name}"] for name in ("desired", "both_up", "both_down")]
    assert sum(shares) == pytest.approx(1.0)


def test_an_untrained_policy_is_all_ties_for_the_implicit_reward(folders: dict[str, str]) -> None:
    found = diagnose(
        folders["reference"], folders["pairs"], folders["reference"], reward_model=folders["judge"]
    ).figures
    assert found["implicit/data"] == 0.5 and found["space/share_undesirable"] == 0
    assert found["ranking/model"] == found["ranking/reference"]


def test_a_reward_model_may_be_a_run_and_one_that_only_compares(folders: dict[str, str], tmp_path: Path) -> None:
    """A run's folder is read like the model in it; a preference model's probabilities rank pairs."""
    shutil.copytree(folders["judge"], tmp_path / "run" / "model")
    models = [folders["model"], folders["pairs"], folders["reference"]]
    plain, run = (diagnose(*models, reward_model=each).figures for each in (folders["judge"], tmp_path / "run"))
    assert plain == run
    gpm = penchant.train(folders["reference"], pairs(COUNT), "gpm", output=tmp_path / "gpm", max_steps=1).folder
    own = build_judge({"name": "reward_model", "model": str(gpm / "model")})
    records = list(read(folders["pairs"]))
    tables = [own.compare(record.prompt, list(record.responses)) for record in records]
    right = sum(float(table[0, 1]) > 0.5 for table in tables) / COUNT
    assert diagnose(*models, reward_model=gpm).figures["explicit/data"] == right


def test_a_run_stands_for_its_model(folders: dict[str, str], scored: ScoredRows, tmp_path: Path) -> None:
    for name in ("model", "reference"):
        shutil.copytree(folders[name], tmp_path / name / "model")
    run, start = tmp_path / "model", tmp_path / "reference"
    assert penchant.score(run, folders["pairs"], reference=start).rows == scored.rows
    found = diagnose(run, folders["pairs"], start).figures
    assert found == diagnose(folders["model"], folders["pairs"], folders["reference"]).figures


def test_other_feedback_is_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    demonstrations = write_pairs(tmp_path / "data.jsonl", [{"prompt": "the", "completion": "car"}])
    with pytest.raises(DataError, match="a diagnosis needs comparisons"):
        diagnose("no-such-model", demonstrations, "no-such-model")


@pytest.mark.parametrize(("options", "phrase"), [({"beta": 0.0}, "beta is 0"), ({"form": "som"}, "Did you mean 'sum'")])
def test_a_plan_out_of_range_is_refused_at_once(options: dict, phrase: str) -> None:
    with pytest.raises(ConfigurationError, match=phrase):
        Plan(**options)
    with pytest.raises(ConfigurationError, match="agreement is 2"):
        Plan(agreement=2.0)
