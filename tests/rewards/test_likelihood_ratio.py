"""Judges by the likelihoods of two models: sums, no ratio of a model to itself, an instruction for one side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from families import tiny_model
from penchant.errors import ModelError
from penchant.rewards import build_judge
from small_runs import model_folder, word_tokenizer

PROMPT, RESPONSES = "which colour is the car", [" the car is red", " the hat was not blue"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    base = tmp_path_factory.mktemp("models")
    first = model_folder(base / "first")
    tiny_model("llama", seed=3).save_pretrained(base / "second")
    word_tokenizer().save_pretrained(base / "second")
    return str(first), str(base / "second")


def ratio(**settings: Any) -> list[float]:
    judge = build_judge({"name": "density_ratio", **settings})
    assert judge is not None
    return judge.score(PROMPT, RESPONSES)


def test_the_implicit_reward_is_that_of_penchant_score(folders: tuple[str, str]) -> None:
    model, reference = folders
    judge = build_judge({"name": "implicit", "model": model, "reference": reference, "beta": 0.3})
    assert judge is not None
    rows = penchant.score(
        model, [{"prompt": PROMPT, "chosen": RESPONSES[0], "rejected": RESPONSES[1]}], reference=reference, beta=0.3
    )
    expected = [each["reward"] for each in rows.rows[0]["responses"]]
    assert judge.score(PROMPT, RESPONSES) == pytest.approx(expected, abs=1e-5)
    table = judge.compare(PROMPT, RESPONSES)
    assert float(table[0, 1]) == pytest.approx(float(torch.sigmoid(torch.tensor(expected[0] - expected[1]))), abs=1e-5)


def test_a_model_has_no_ratio_to_itself_and_exchanging_the_models_turns_the_sign(folders: tuple[str, str]) -> None:
    first, second = folders
    assert ratio(strong=first, weak=first) == [0.0, 0.0]
    there, back = ratio(strong=first, weak=second), ratio(strong=second, weak=first)
    assert there == pytest.approx([-each for each in back], abs=1e-6) and max(map(abs, there)) > 1e-3


def test_an_instruction_changes_the_strong_side_alone_and_a_mean_is_over_its_tokens(folders: tuple[str, str]) -> None:
    first, second = folders
    plain, told = ratio(strong=first, weak=second), ratio(strong=first, weak=second, instruction="very good")
    assert told != pytest.approx(plain, abs=1e-4)
    mean = ratio(strong=first, weak=second, average=True)
    assert mean == pytest.approx([plain[0] / 5, plain[1] / 6], abs=1e-6), "four and five words, and the end token"


def test_models_of_different_vocabularies_have_no_implicit_reward(folders: tuple[str, str], tmp_path: Path) -> None:
    other = model_folder(tmp_path / "other", eos=False)
    with pytest.raises(ModelError):
        build_judge({"name": "implicit", "model": folders[0], "reference": str(other)})
