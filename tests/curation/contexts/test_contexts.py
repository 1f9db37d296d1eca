"""Contexts before prompts, and how often a judge turns round where the context does."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.curation.contexts.builder import Contexts
from penchant.curation.judged_file import NamedJudge, judge_records
from penchant.errors import DataError
from penchant.evaluation.judges.reversals import reversal_accuracy, reversals
from penchant.feedback import read
from penchant.rewards import FunctionJudge

SHORT, LONG = "Yes.", "Certainly, with pleasure."
ROWS = [
    {"prompt": f"{what}?", "chosen": better, "rejected": worse, "context": context}
    for what in ("Tea", "Milk", "Sugar")
    for better, worse, context in ((SHORT, LONG, "Be short."), (LONG, SHORT, "Be polite."))
]


def taste(prompt: str, response: str) -> float:
    return -float(len(response)) if "short" in prompt else float(len(response))


def test_each_prompt_gets_its_own_context_none_or_that_of_another() -> None:
    own, none, others = (list(Contexts(which=which).build(read(ROWS)).rows) for which in ("own", "none", "others"))
    assert [row["prompt"] for row in own] == [f"Context: {row['context']}\n\n{row['prompt']}" for row in ROWS]
    assert [row["prompt"] for row in none] == [row["original_prompt"] for row in others]
    shown = [row["prompt"].split("\n")[0] for row in others]
    assert sorted(shown) == sorted(row["prompt"].split("\n")[0] for row in own)
    assert shown != [row["prompt"].split("\n")[0] for row in own]
    with pytest.raises(DataError, match="'context' holds no context"):
        Contexts().build(read([{**ROWS[0], "context": " "}]))


def test_reversals_are_found_once_and_a_blind_judge_has_none_right() -> None:
    rows = read(list(Contexts().build(read(ROWS)).rows))
    assert reversals(rows) == [(0, 1), (2, 3), (4, 5)]
    assert reversals(read(ROWS)) == [] and reversal_accuracy(read(ROWS), [1.0] * 6) is None
    blind = [1.0 if row["chosen"] == SHORT else -1.0 for row in ROWS]
    for margins, value in (([1.0] * 6, 1.0), (blind, 0.0), ([1.0, math.nan, 1.0, 1.0, 1.0, -1.0], 0.5)):
        found = reversal_accuracy(rows, margins)
        assert found is not None and found.value == value


@pytest.mark.parametrize(("which", "accuracy", "both"), [("own", 1.0, 1.0), ("none", 0.5, 0.0)])
def test_the_judge_command_says_how_often_both_are_right(which: str, accuracy: float, both: float) -> None:
    rows = read(list(Contexts(which=which).build(read(ROWS)).rows))
    figures = judge_records(rows, {"taste": NamedJudge(FunctionJudge(taste), {})}).summary()["taste"]
    assert figures["accuracy"].value == accuracy  # type: ignore[union-attr]
    assert figures["reversals, both right"].value == both  # type: ignore[union-attr]


def test_the_command_writes_rows_that_train_a_reward_model(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    out = tmp_path / "out.jsonl"
    assert main(["data", "build", "contexts", str(tmp_path / "rows.jsonl"), "-o", str(out)]) == 0
    assert {record.kind for record in read(out)} == {"comparison"} and len(read(out)) == 6
