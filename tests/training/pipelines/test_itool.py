"""The plan `itool`: a warm-up from easy to hard, each level from the model of the one before, and then the search."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from penchant.cli.weights.pipeline import _of_world
from penchant.training.pipelines.plan import read_plan
from penchant.training.pipelines.running import run_plan
from small_runs import model_folder, pairs, write_pairs
from training.pipelines.test_seven_stages import commands as commands

SMALL = {
    "method": "itool",
    "sampler": {"name": "fragments", "grades": False, "hardest": 1.0, "fragments": 1, "marks": [" "]},
    "pairing": {"name": "siblings", "gap": 0.0, "floor": -9.0, "overlap": 1.0},
    "iterations": 1,
    "prompts_per_iteration": 4,
    "max_new_tokens": 4,
    "batch_size": 2,
    "eval_limit": 1,
    "samples": 0,
    "temperature": 1.0,
}


def test_each_level_starts_from_the_model_of_the_easier_one(tmp_path: Path, commands: list[list[str]]) -> None:
    shown = [(f"{'very ' * place}{row['prompt']}", row["chosen"]) for place, row in enumerate(pairs(9))]
    rows = [{"prompt": prompt, "completion": said, "answer": said} for prompt, said in shown]
    recipe = tmp_path / "small.yaml"
    recipe.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    given = {"model": str(model_folder(tmp_path / "model")), "tasks": str(write_pairs(tmp_path / "rows.jsonl", rows))}
    given |= {"recipe": str(recipe), "by": "length", "batch": "2", "output": str(tmp_path / "out")}
    plan = read_plan(Path("itool"), given)
    done = {each.stage: each.output for each in run_plan(plan)}
    assert list(done) == ["levels", "easy", "medium", "hard", "itool"]
    lengths: dict[str, list[int]] = {}
    for row in map(json.loads, done["levels"].read_text(encoding="utf-8").splitlines()):
        lengths.setdefault(row["split"], []).append(len(row["completion"]))
    assert [len(each) for each in lengths.values()] == [3, 3, 3]
    assert max(lengths["easy"]) <= min(lengths["medium"]) and max(lengths["medium"]) <= min(lengths["hard"])
    for name in ("easy", "medium", "hard"):
        assert json.loads((done[name] / "summary.json").read_text(encoding="utf-8"))["examples"] == 3
    models = [next(word for word in words if word.startswith("model=")) for words in commands if words[0] == "train"]
    assert models == [f"model={given['model']}", *(f"model={done[name]}/model" for name in ("easy", "medium"))]
    online = next(words for words in commands if words[0] == "online")
    assert f"{done['hard']}/model" in online and (done["itool"] / "model").is_dir()


def test_the_world_of_tools_gives_data_and_a_recipe(tmp_path: Path) -> None:
    found = _of_world("tools", tmp_path, ["tasks", "recipe"])
    rows = [json.loads(line) for line in Path(found["tasks"]).read_text(encoding="utf-8").splitlines()]
    keys = yaml.safe_load(Path(found["recipe"]).read_text(encoding="utf-8"))
    assert {row["split"] for row in rows} == {"train"} and keys["method"] == "itool"
    assert Path(keys["eval_data"]).is_file()
