"""GRPO on word problems with two reward functions beside the recipe, as the first example of docs/online.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from penchant.cli.app import main

DOCS = Path(__file__).resolve().parents[2] / "docs" / "online.md"


@pytest.mark.long
def test_the_first_example_of_the_docs_raises_both_rewards(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DOCS.read_text(encoding="utf-8")
    code, recipe = re.findall(r"```(?:python|yaml)\n(.*?)```", text, re.DOTALL)[:2]
    (tmp_path / "rewards.py").write_text(code, encoding="utf-8")
    keys = yaml.safe_load(recipe)
    keys |= {"data": str(shared / "data" / Path(keys["data"]).name), "output": str(tmp_path / "run")}
    keys |= {"model": str(shared / "models" / "tinystories-260k"), "iterations": 4}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(keys), encoding="utf-8")
    assert main(["online", str(tmp_path / "recipe.yaml")]) == 0
    capsys.readouterr()
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    sampled = [row for row in rows if "sampled/reward" in row]
    with capsys.disabled():
        grounded, finished = (
            [round(row[key], 3) for row in sampled] for key in ("reward/grounded/mean", "sampled/finished")
        )
        print(f"\ngrounded by round: {grounded}; share that ends: {finished}")
    assert len(sampled) == 4 and all(row["reward/right/missing"] > 0.5 for row in sampled), "it writes no numbers yet"
    assert sampled[-1]["reward/grounded/mean"] > sampled[0]["reward/grounded/mean"] + 0.05
    assert max(row["sampled/logp_gap_largest"] for row in sampled) < 1e-3
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["after"]["reward"] > summary["before"]["reward"] + 0.05
