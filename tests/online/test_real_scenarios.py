"""People's choices in 58 scenarios as the preference judge: ties are counted, and kept where the pairing says so."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from penchant.feedback import read
from penchant.generation import build_engine
from penchant.generation.responses import Sampling
from penchant.objectives import build
from penchant.online import build_pairing, make_online_recipe, run_online
from penchant.online.describing import describe
from penchant.online.pairing import build_examples
from penchant.online.rollout_maker import RolloutMaker
from penchant.online.samplers.file import File
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards import build_judge
from small_runs import losses, write_pairs

JUDGE = '''
"""Whom people preferred: 1, 0, or ½ for a tie."""
import json
from functools import cache
from pathlib import Path

SAID = {"a": 1.0, "b": 0.0, "tie": 0.5}


@cache
def known():
    rows = map(json.loads, Path(__file__).with_name("judged.jsonl").read_text(encoding="utf-8").splitlines())
    return {(row["prompt"], row["response_a"], row["response_b"]): SAID[row["label"]] for row in rows}


def prefers(prompt, first, second):
    if (prompt, first, second) in known():
        return known()[prompt, first, second]
    return 1 - known().get((prompt, second, first), 0.5)  # what nobody has judged is held a tie
'''


@pytest.fixture
def rows(shared: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """The pairs as people judged them, without those of an empty text or of two equal ones (one was preferred)."""
    with gzip.open(shared / "data" / "scenario_pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    texts = [(row["response_a"].strip(), row["response_b"].strip()) for row in every]
    found = [row for row, both in zip(every, texts, strict=True) if all(both) and both[0] != both[1]]
    assert 9 <= len(every) - len(found) < 15
    (tmp_path / "people.py").write_text(JUDGE, encoding="utf-8")
    write_pairs(tmp_path / "judged.jsonl", found)
    return found


def as_rankings(rows: list[dict[str, Any]], path: Path) -> Path:
    """Prompts with two responses each; their scores are those of the verdict, which the judge gives again."""
    scores = {"a": [1.0, 0.0], "b": [0.0, 1.0], "tie": [0.5, 0.5]}
    return write_pairs(
        path,
        [
            {
                "prompt": row["prompt"],
                "completions": [row["response_a"], row["response_b"]],
                "scores": scores[row["label"]],
                "scenario": row["scenario"],
            }
            for row in rows
        ],
    )


def test_ties_are_counted_and_kept_only_where_the_pairing_says_so(
    rows: list[dict[str, Any]], shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = build_judge({"name": "preference_function", "path": str(tmp_path / "people.py:prefers")}, [])
    records = read(as_rankings(rows, tmp_path / "pairs.jsonl")).records
    engine = build_engine({}, Renderer(load_tokenizer(str(shared / "models" / "tinystories-260k"))))
    maker = RolloutMaker(engine, judge, compares=True, pairing=build_pairing("duel"), sampler=File())
    found = maker.sample(records, Sampling(2, 1_000_000), seed=0)
    wanted = build("dno").requirements
    kept = {ties: build_examples(found, build_pairing("duel", ties=ties), wanted) for ties in (False, True)}
    ties = describe(found, kept[False])["sampled/ties"]
    with capsys.disabled():
        print(
            f"\nscenario_pairs: {len({row['scenario'] for row in rows})} scenarios, {len(rows)} pairs, ties "
            f"{ties:.3f}; pairs to train on: {len(kept[False])} without ties, {len(kept[True])} with"
        )
    labels = [row["label"] for row in rows]
    assert ties == pytest.approx(labels.count("tie") / len(rows)) and 0.25 < ties < 0.27
    assert len(kept[False]) == len(rows) - labels.count("tie")
    assert len(kept[True]) - len(kept[False]) == labels.count("tie")


def test_every_scenario_is_a_prompt_of_the_preference_judge(
    rows: list[dict[str, Any]], tmp_path: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shortest = sorted(rows, key=lambda row: len(row["prompt"]) + max(len(row["response_a"]), len(row["response_b"])))
    one = list({row["scenario"]: row for row in reversed(shortest)}.values())
    # The judge knows whole texts: the small model's context holds those of some of the scenarios.
    one = [row for row in one if max(len(row[name].encode()) for name in ("prompt", "response_a", "response_b")) <= 290]
    data = as_rankings(one, tmp_path / "one.jsonl")
    done = run_online(
        make_online_recipe(
            {
                "method": "dno",
                "sampler": "file",
                "model": str(shared / "models" / "tinystories-260k"),
                "data": str(data),
                "judge": {"name": "preference_function", "path": str(tmp_path / "people.py:prefers")},
                "pairing": {"name": "duel", "ties": True},
                "output": str(tmp_path / "run"),
                "iterations": 1,
                "samples_per_prompt": 2,
                "max_new_tokens": 300,
                "batch_size": 8,
                "learning_rate": 3e-4,
                "samples": 0,
                "eval_samples": 2,
                "eval_limit": 1,
            }
        )
    )
    [first, *_] = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()][1:]
    with capsys.disabled():
        found = f"ties {first['sampled/ties']:.3f}, loss by step {[round(each, 3) for each in losses(done.folder)]}"
        print(f"\nscenario_pairs: {len(one)} scenarios trained on, {found}")
    assert first["sampled/cut"] == 0
    assert first["sampled/ties"] == pytest.approx(sum(row["label"] == "tie" for row in one) / len(one))
    assert len(one) > 15 and losses(done.folder)
