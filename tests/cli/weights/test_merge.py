"""``penchant merge`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from families import tiny_model
from penchant.cli.app import main
from small_runs import model_folder, write_pairs


def test_models_are_merged_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = model_folder(tmp_path / "first"), model_folder(tmp_path / "second")
    words = [str(first), str(second), "--out", str(tmp_path / "out")]
    assert main(["merge", *words, "--method", "slerp,t=0.25"]) == 0
    assert "tensors" in capsys.readouterr().out
    noted = json.loads((tmp_path / "out/merge.json").read_text())
    assert noted["method"] == "slerp"
    assert noted["settings"]["t"] == 0.25
    assert main(["merge", *words]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main(["merge", *words, "--overwrite", "--method", "ties", "--base", str(first)]) == 0


def test_a_soup_is_cooked_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = model_folder(tmp_path / "first"), model_folder(tmp_path / "second")
    data = write_pairs(tmp_path / "pairs.jsonl")
    words = [str(first), str(second), "--out", str(tmp_path / "out"), "--soup"]
    assert main(["merge", *words, "maximum", "--data", str(data), "--measure", "accuracy"]) == 0
    assert "Soup of 1 of 2 models" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--soup", "onion"], "no soup 'onion'"),
        (["--soup", "greedy"], "Give --data FILE"),
        (["--data", "x.jsonl"], "Give --soup greedy"),
        (["--soup", "greedy", "--method", "slerp"], "takes no --method"),
        (["--method", "slurp"], "slerp"),
        (["--method", "slerp,t=2"], "'t' is 2"),
    ],
)
def test_words_that_do_not_fit_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["merge", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "out"), *words]) == 1
    assert message in capsys.readouterr().err


def test_the_uniform_soup_is_the_plain_average(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = model_folder(tmp_path / "first"), model_folder(tmp_path / "second")
    tiny_model("llama", seed=1).save_pretrained(second)
    assert main(["merge", str(first), str(second), "--soup", "uniform", "--out", str(tmp_path / "soup")]) == 0
    assert "of 2 models" in capsys.readouterr().out
    assert main(["merge", str(first), str(second), "--method", "linear", "--out", str(tmp_path / "linear")]) == 0
    soup, linear = (load_file(tmp_path / name / "model.safetensors") for name in ("soup", "linear"))
    assert all(torch.equal(each, linear[name]) for name, each in soup.items())
    one, two = (load_file(folder / "model.safetensors") for folder in (first, second))
    assert any(not torch.equal(each, two[name]) for name, each in one.items())
    assert all(torch.allclose(each, (one[name] + two[name]) / 2) for name, each in soup.items())
    assert main(["merge", str(first), "--out", str(tmp_path / "one")]) == 0
    assert "of 1 model:" in capsys.readouterr().out
    words = ["merge", str(first), str(second), "--soup", "uniform", "--data", "x.jsonl", "--out", str(tmp_path / "no")]
    assert main(words) == 1
    assert "Give --soup greedy" in capsys.readouterr().err
