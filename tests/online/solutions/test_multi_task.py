"""The recipes for solutions: their keys, their stages, and where the evaluator's pairs come from."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.errors import ConfigurationError, DataError
from penchant.online.solutions.recipes import SolutionSampling, make_multi_task, make_ssft
from penchant.online.solutions.stages import evaluator_pairs
from penchant.training.progress import ProgressReporter
from small_runs import losses, model_folder, word_tokenizer

ROWS = [
    {"prompt": f"which is the {word}", "reference": f" the {word} is good", "answer": str(number)}
    for number, word in enumerate(["car", "hat", "cup", "door"])
]
QUIET = ProgressReporter(quiet=True)


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def with_verdicts(path: Path) -> Path:
    """A tiny model whose vocabulary has both words of a verdict."""
    model_folder(path)
    tokenizer = word_tokenizer()
    tokenizer.add_tokens(["correct", "incorrect"])
    tokenizer.save_pretrained(path)
    return path


def test_keys_reach_all_stages_or_one() -> None:
    keys = {"model": "m", "data": "d.jsonl", "learning_rate": 0.5, "evaluator.learning_rate": 0.25, "output": "o"}
    plan = make_multi_task(
        {**keys, "epochs": 7, "evaluator.objective": "verdict-cross-entropy", "solutions.samples": 3}
    )
    first, second, last = plan.stages.values()
    assert [each.learning_rate for each in plan.stages.values()] == [0.5, 0.25, 0.5]
    assert [each.epochs for each in plan.stages.values()] == [7, 1, 7] and last.max_steps == 200
    assert first.objective == {"name": "nll"} and second.objective == {"name": "verdict-cross-entropy"}
    assert first.mapping["completion"] == "{reference}\n#### {answer}" and not second.mapping
    assert [Path(each.output).name for each in plan.stages.values()] == [
        "1-generator",
        "2-evaluator",
        "3-generator-again",
    ]
    steps = [each.max_steps for each in make_multi_task({**keys, "max_steps": 4}).stages.values()]
    assert steps == [4, None, 4], "what is given for all counts more than a stage's own default"
    assert (
        make_multi_task({**keys, "max_steps": 4, "generator_again.max_steps": 9}).stages["generator_again"].max_steps
        == 9
    )
    assert plan.solutions.samples == 3 and plan.solutions.temperature == 0.9
    assert make_ssft({"model": "m", "data": "d", "mapping.completion": "x"}).mapping == {"completion": "x"}


def test_wrong_keys_are_refused_with_their_stage() -> None:
    base = {"model": "m", "data": "d.jsonl"}
    with pytest.raises(ConfigurationError, match=r"evaluator.*learning_rat"):
        make_multi_task({**base, "evaluator.learning_rat": 1.0})
    with pytest.raises(ConfigurationError, match=r"solutions.samples"):
        make_multi_task({**base, "solutions.samples": 0})
    with pytest.raises(ConfigurationError, match=r"(?s)'dpo', which reads no verdicts.*verdict-margin"):
        make_multi_task({**base, "evaluator.objective": "dpo"})


def test_solutions_of_the_data_are_used_where_there_are_some(tmp_path: Path) -> None:
    solved = [{**row, "responses": [f"A: {row['answer']}", "A: 9", "A: 8"]} for row in ROWS]
    recipe = make_ssft({"model": "m", "data": written(tmp_path / "solved.jsonl", solved)})
    pairs = evaluator_pairs(recipe, tmp_path / "no model is needed", SolutionSampling(per_prompt=2), QUIET)
    assert len(pairs) == 8 and {pair["chosen"] for pair in pairs} == {f"A: {row['answer']}" for row in ROWS}
    hopeless = [{**row, "responses": ["A: 9"]} for row in ROWS]
    recipe = make_ssft({"model": "m", "data": written(tmp_path / "wrong.jsonl", hopeless)})
    with pytest.raises(DataError, match=r"(?s)Of the 4 problems, none has both.*solutions.samples"):
        evaluator_pairs(recipe, tmp_path, SolutionSampling(), QUIET)


def test_three_stages_follow_each_other_and_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = with_verdicts(tmp_path / "model")
    solved = [{**row, "responses": [f" red {row['answer']}", " blue 9"]} for row in ROWS]
    data, out = written(tmp_path / "data.jsonl", solved), tmp_path / "run"
    words = ["train", "multi-task", "--model", str(model), "--data", data, "-o", str(out), "learning_rate=1e-2"]
    words += ["generator.epochs=2", "generator_again.max_steps=2", "evaluator.learning_rate=1e-2", "samples=0"]
    words += ["evaluator.epochs=6", "batch_size=4", "evaluator.batch_size=4"]
    assert main(words) == 0
    stages = [out / name for name in ("1-generator", "2-evaluator", "3-generator-again")]
    for before, after in pairwise(stages):
        assert f"model: {before / 'model'}" in (after / "recipe.yaml").read_text(encoding="utf-8")
    evaluator = losses(stages[1])
    assert evaluator[-1] < evaluator[0]
    capsys.readouterr()
    (stages[2] / "summary.json").unlink()
    assert main([*words, "--resume"]) == 0
    said = capsys.readouterr().err
    assert "generator: finished before" in said and (stages[2] / "summary.json").is_file()


def test_the_cross_entropy_of_an_evaluator_reads_both_sides_of_every_pair(tmp_path: Path) -> None:
    model = with_verdicts(tmp_path / "model")
    solved = [{**row, "responses": [f" red {row['answer']}", " blue 9"]} for row in ROWS]
    words = ["train", "multi-task", "--model", str(model), "--data", written(tmp_path / "data.jsonl", solved)]
    words += ["-o", str(tmp_path / "run"), "evaluator.objective=verdict-cross-entropy", "evaluator.learning_rate=1e-2"]
    words += ["evaluator.epochs=6", "evaluator.batch_size=4", "samples=0", "max_steps=1", "generator_again.max_steps=1"]
    assert main(words) == 0
    found = losses(tmp_path / "run" / "2-evaluator")
    assert len(found) == 12, "four pairs are eight judged solutions: two steps an epoch"
    assert found[-1] < found[0]


def test_ssft_is_a_recipe_of_its_own(tmp_path: Path) -> None:
    model = model_folder(tmp_path / "model")
    words = ["train", "ssft", "--model", str(model), "--data", written(tmp_path / "d.jsonl", ROWS)]
    assert (
        main([*words, "-o", str(tmp_path / "run"), "epochs=3", "learning_rate=1e-2", "batch_size=4", "samples=0"]) == 0
    )
    found = losses(tmp_path / "run")
    assert found[-1] < found[0]
