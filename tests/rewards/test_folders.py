"""Folders as judges: what they hold is found from their files, and other models are refused with the way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.errors import ModelError
from penchant.rewards import build_judge
from penchant.rewards.folders import judge_of_folder
from small_judges import classifier
from small_runs import model_folder, word_tokenizer


def test_a_classifier_and_a_run_that_trained_one_are_reward_models(tmp_path: Path) -> None:
    inner = tmp_path / "run" / "model"
    classifier().save_pretrained(inner)
    word_tokenizer().save_pretrained(inner)
    for folder in (inner, tmp_path / "run"):
        settings = judge_of_folder(folder)
        assert settings == {"name": "reward_model", "model": str(inner)}
    judge = build_judge(settings)
    assert judge is not None and len(judge.score("what", [" red", " hat"])) == 2
    # Also where the judge is named, as in the settings of an engine or of a recipe.
    named = build_judge({"name": "reward_model", "model": str(tmp_path / "run")})
    assert named is not None and named.score("what", [" red"]) == judge.score("what", [" red"])
    assert named.identity() == judge.identity(), "one judgement in the cache"


def test_a_language_model_is_refused_with_the_judges_that_it_can_be(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "lm")
    with pytest.raises(ModelError, match=r"no head that gives a reward.*implicit,model=.*local_llm,model="):
        judge_of_folder(folder)


def test_a_language_model_beside_a_trained_head_is_a_reward_model(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "lm")
    (folder / "reward_model.json").write_text(json.dumps({"objective": "bt", "hyper": {}}))
    assert judge_of_folder(folder) == {"name": "reward_model", "model": str(folder)}
    with pytest.raises(ModelError, match="cannot be read"):
        build_judge(judge_of_folder(folder))


def test_pipelines_adapters_and_other_folders_are_refused(tmp_path: Path) -> None:
    for name, file, content, said in (
        ("pipeline", "model_index.json", "{}", "a pipeline that makes images"),
        ("adapter", "adapter_config.json", '{"task_type": "CAUSAL_LM"}', "a language model \\(CAUSAL_LM\\)"),
        ("empty", "readme.txt", "", "holds no model: it has neither config.json nor model/config.json"),
        ("other", "config.json", '{"model_type": "bert", "architectures": ["BertForMaskedLM"]}', "no reward model"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / file).write_text(content)
        with pytest.raises(ModelError, match=said):
            judge_of_folder(folder)
