"""Token-level methods on real pairs whose spans a rule finds, and triples of a real ranking."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

import penchant
from penchant.curation.spans import Spans
from penchant.curation.triples import Triples
from penchant.feedback import read
from small_runs import losses
from training.views_read import views_read

PAIRS, STEPS, LENGTH = 4, 6, 90
TRIPLE = ("gold", "chosen", "rejected")
Row = dict[str, Any]

# The words with which a request is refused, and figures.
RULES = '''"""Phrases of a text."""

import re


def refusals(text):
    return [each.span() for each in re.finditer(r"(?i)sorry|i can'?not|i can.t|not able|unable", text)]


def figures(text):
    return [each.span() for each in re.finditer(r"[0-9]+", text)]
'''


def _rows(shared: Path, name: str) -> list[Row]:
    with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def of_requests(shared: Path) -> list[Row]:
    """Harmless requests: an answer against a refusal."""
    said: dict[str, dict[str, str]] = {}
    for row in _rows(shared, "xstest_feedback"):
        if row["safe_prompt"]:
            said.setdefault(row["prompt"], {}).setdefault(row["final_label"], row["response"][:LENGTH])
    both = [(prompt, each) for prompt, each in said.items() if {"1_full_compliance", "2_full_refusal"} <= set(each)]
    return [
        {"prompt": prompt, "chosen": each["1_full_compliance"], "rejected": each["2_full_refusal"]}
        for prompt, each in both
    ]


def of_scenarios(shared: Path) -> list[Row]:
    """Comparisons in several scenarios, without the ties; figures in both answers."""
    rows = [row for row in _rows(shared, "scenario_pairs") if row["label"] != "tie"]
    cut = [{side: row[f"response_{side}"][:LENGTH] for side in "ab"} | {"of": row} for row in rows]
    return [
        {
            "prompt": row["of"]["prompt"][-LENGTH:],
            "chosen": row[row["of"]["label"]],
            "rejected": row["b" if row["of"]["label"] == "a" else "a"],
        }
        for row in cut
        if all(any(letter.isdigit() for letter in row[side]) for side in "ab")
    ]


SETS: dict[str, tuple[Callable[[Path], list[Row]], str]] = {
    "xstest_feedback": (of_requests, "refusals"),
    "scenario_pairs": (of_scenarios, "figures"),
}


def trained(shared: Path, rows: list[Row], objective: Any, folder: Path) -> list[float]:
    """The losses of a few steps, each on all rows."""
    model = str(shared / "models" / "tinystories-260k")
    recipe = {"accumulate": 1, "schedule": "constant", "warmup": 0.0, "samples": 0, "device": "cpu", "max_length": 256}
    steps = {"batch_size": len(rows), "max_steps": STEPS, "save_every": STEPS, "learning_rate": 5e-5}
    result = penchant.train(
        model, rows, objective, folder, chat_template="plain", truncation="response_right", **recipe, **steps
    )
    assert result.summary["cut"]["kept"] == len(rows)
    return losses(folder)


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")


@pytest.mark.parametrize("data", SETS)
@pytest.mark.parametrize("objective", ["tab-po", "rrpo", "sparsepo", "tdpo2"])
def test_a_method_learns_from_spans_that_a_rule_finds(objective: str, data: str, shared: Path, tmp_path: Path) -> None:
    make, rule = SETS[data]
    rules = tmp_path / "rules.py"
    rules.write_text(RULES)
    built = Spans(function=f"{rules}:{rule}", weight=1.5).build(read(list(islice(make(shared), 40))))
    rows = [row for row in built.rows if row["rejected_spans"] or row["chosen_spans"]][:PAIRS]
    assert len(rows) == PAIRS and built.counts["spans of rejected responses"] >= PAIRS
    for row in rows:
        for side in ("chosen", "rejected"):
            assert all(row[side][start:end].strip() for start, end, _ in row[f"{side}_spans"])
    told = trained(shared, rows, objective, tmp_path / "run")
    assert len(told) == STEPS and fmean(told[-2:]) < fmean(told[:2])


@pytest.mark.parametrize("form", ["tpo-triple", "tpo-triple-l"])
def test_the_best_of_a_real_ranking_is_gold(
    form: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked = read(shared / "data" / "alpaca_eval_ranked.jsonl.gz")
    built = Triples().build(ranked)
    short = [{name: str(row[name])[:LENGTH] for name in ("prompt", *TRIPLE)} for row in built.rows[:40]]
    rows = [row for row in short if len({row["gold"], row["chosen"], row["rejected"]}) == 3][:PAIRS]
    for row in built.rows:
        ((scores, texts),) = {(each.scores, each.completions) for each in ranked if each.prompt == row["prompt"]}  # type: ignore[attr-defined]
        worth = dict(zip(texts, scores, strict=True))
        order = sorted(worth.values())
        assert [worth[row[view]] for view in TRIPLE] == [order[-1], order[-2], order[0]]
    read_ = views_read(monkeypatch, shared / "models" / "tinystories-260k")
    told = trained(shared, rows, form, tmp_path / "run")
    assert len(told) == STEPS and fmean(told[-2:]) < fmean(told[:2])
    for view in TRIPLE:
        assert {text for _, text in read_[view]} == {"".join(row[view].split()) for row in rows}
