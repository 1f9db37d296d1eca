"""Scoring a file: the numbers of plain evaluation, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from families import tiny_model
from penchant.cli.app import main
from penchant.errors import ConfigurationError
from small_runs import model_folder, pairs, word_tokenizer, write_pairs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


def plain(model: Any, prompt: str, response: str) -> tuple[float, int]:
    tokenizer = word_tokenizer()
    lead = [1, *tokenizer(prompt, add_special_tokens=False)["input_ids"]]
    if tokenizer("a")["input_ids"][0] != 1:
        lead = lead[1:]
    ids = [*lead, *tokenizer(response, add_special_tokens=False)["input_ids"], 2]
    with torch.no_grad():
        table = model(torch.tensor([ids])).logits.double().log_softmax(-1)[0]
    places = range(len(lead), len(ids))
    return float(sum(table[place - 1, ids[place]] for place in places)), len(places)


@pytest.mark.parametrize("tokens_per_batch", [1, 100, 8192])
def test_scores_are_the_plain_ones_in_the_order_of_the_file(folder: Path, tokens_per_batch: int) -> None:
    model, other = tiny_model("llama"), tiny_model("llama", seed=7)
    rows = pairs(7)
    result = penchant.score(folder, rows, reference=other, beta=0.2, tokens_per_batch=tokens_per_batch)
    wins = []
    for row, scored in zip(rows, result.rows, strict=True):
        rewards = []
        for name, response in zip(("chosen", "rejected"), scored["responses"], strict=True):
            logp, count = plain(model, row["prompt"], row[name])
            beside, _count = plain(other, row["prompt"], row[name])
            assert response["tokens"] == count
            assert response["logp"] == pytest.approx(logp, abs=1e-4)
            assert response["mean_logp"] == pytest.approx(logp / count, abs=1e-4)
            assert response["logratio"] == pytest.approx(logp - beside, abs=1e-4)
            assert response["reward"] == pytest.approx(0.2 * (logp - beside), abs=1e-4)
            rewards.append(0.2 * (logp - beside))
        wins.append(rewards[0] > rewards[1])
    summary = result.summary()
    assert summary["accuracy/reward"] == pytest.approx(sum(wins) / 7)
    assert summary["logp"] == pytest.approx(sum(each["logp"] for row in result.rows for each in row["responses"]) / 14)


def test_a_model_against_itself_ties(folder: Path) -> None:
    summary = penchant.score(folder, pairs(4), reference=folder).summary()
    assert summary["accuracy/reward"] == 0.5 and summary["margin/reward"] == 0.0


def test_judgements_have_figures_for_each_label(folder: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "completion": row["chosen"], "label": n % 3 == 0} for n, row in enumerate(pairs(8))
    ]
    model, other = tiny_model("llama"), tiny_model("llama", seed=7)
    result = penchant.score(folder, rows, reference=other)
    numbers = [(*plain(model, row["prompt"], row["completion"]), bool(row["label"])) for row in rows]
    rewards = [
        logp - plain(other, row["prompt"], row["completion"])[0]
        for row, (logp, _, _) in zip(rows, numbers, strict=True)
    ]
    summary = result.summary()
    for side, label in (("desirable", True), ("undesirable", False)):
        own = [logp for logp, _, is_good in numbers if is_good is label]
        assert summary[f"responses/{side}"] == len(own)
        assert summary[f"logp/{side}"] == pytest.approx(sum(own) / len(own), abs=1e-4)
    good = [logp / count for logp, count, label in numbers if label]
    bad = [logp / count for logp, count, label in numbers if not label]
    above = sum(one > two for one in good for two in bad)
    assert summary["separation/logp"] == pytest.approx(above / len(good) / len(bad))
    right = sum((reward > 0) is label for reward, (_, _, label) in zip(rewards, numbers, strict=True))
    assert summary["accuracy/reward"] == pytest.approx(right / len(rows))
    assert [row["label"] for row in result.rows] == [row["label"] for row in rows]
    one_sided = penchant.score(folder, [{**row, "label": True} for row in rows]).summary()
    assert one_sided["responses/undesirable"] == 0 and "separation/logp" not in one_sided


@pytest.mark.parametrize("given", [{"scores": [1.0, 3.0, 3.0]}, {"ranks": [2, 1, 1]}])
def test_rankings_have_the_accuracy_of_their_pairs(folder: Path, given: dict[str, Any]) -> None:
    texts = [" the car is red", " the car is not red", " good"]
    result = penchant.score(folder, [{"prompt": "which", "completions": texts, **given}])
    low, *high = [logp / count for logp, count in (plain(tiny_model("llama"), "which", text) for text in texts)]
    assert result.summary()["accuracy/logp"] == sum(each > low for each in high) / 2
    assert not {"score", "rank"} & set(result.summary())


def test_without_a_reference_there_is_no_reward(folder: Path) -> None:
    result = penchant.score(tiny_model("llama"), pairs(3), tokenizer=word_tokenizer())
    assert set(result.rows[0]["responses"][0]) == {"logp", "mean_logp", "tokens"}
    assert "accuracy/reward" not in result.summary() and len(result) == 3
    with pytest.raises(ConfigurationError, match="without a tokenizer"):
        penchant.score(tiny_model("llama"), pairs(3))


def test_prompts_are_cut_to_the_model_and_counted(folder: Path) -> None:
    long = [{**row, "prompt": "very " * 300 + row["prompt"]} for row in pairs(3)]
    assert penchant.score(folder, long).cut["prompt_cut"] == 3


def test_the_command_writes_a_line_a_record(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    renamed = [{"question": row["prompt"], "chosen": row["chosen"], "rejected": row["rejected"]} for row in pairs(5)]
    data, out = write_pairs(tmp_path / "pairs.jsonl", renamed), tmp_path / "deep" / "scores.jsonl"
    arguments = [
        "score",
        "--data",
        str(data),
        "--model",
        str(folder),
        "--reference",
        str(folder),
        "--map",
        "prompt=question",
    ]
    assert main([*arguments, "--beta", "0.5", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "5 records of kind comparison" in shown and "accuracy/reward" in shown and "0.5000" in shown
    written = [json.loads(line) for line in out.read_text().splitlines()]
    expected = penchant.score(folder, pairs(5), reference=folder, beta=0.5).rows
    assert [row["responses"] for row in written] == [row["responses"] for row in expected]
    assert [row["source"].rpartition(":")[2] for row in written] == ["1", "2", "3", "4", "5"]
