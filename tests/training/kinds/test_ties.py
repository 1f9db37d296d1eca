"""Ties of a table with winners: learned by objectives that read how likely a preference is, left out for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from families import tiny_model
from penchant.checks.doctor import examine
from penchant.cli.app import app
from penchant.curation.judged_file import NamedJudge, judge_records
from penchant.errors import DataError
from penchant.evaluation.judges.subsets import by_subset
from penchant.evaluation.score_summary import agreement
from penchant.feedback import read
from penchant.rewards.registry import build_judge
from penchant.training import Result, make_recipe
from penchant.training.preparation import Given, Prepared, prepare
from penchant.training.progress import ProgressReporter
from small_runs import pairs, word_tokenizer, write_pairs

Train = Callable[..., Result]


def arena(count: int = 12, ties: int = 3) -> list[dict[str, Any]]:
    """A table with winners, in which every so many rows are ties."""
    rows = []
    for number, row in enumerate(pairs(count)):
        sides = [row["chosen"], row["rejected"]]
        first = number % 2
        winner = "tie" if number % ties == 0 else "ab"[first]
        answers = {"response_a": sides[first], "response_b": sides[1 - first]}
        rows.append({"prompt": row["prompt"], **answers, "winner": winner})
    return rows


def prepared(name: str, rows: Any, **hyper: Any) -> tuple[Prepared, list[str]]:
    said: list[str] = []

    class Heard(ProgressReporter):
        def say(self, text: str) -> None:
            said.append(text)

        warn = say

    recipe = make_recipe({"model": "model", "data": "rows", "objective": {"name": name, **hyper}, "max_length": 64})
    given = Given(model=tiny_model("llama"), tokenizer=word_tokenizer(), data=rows)
    return prepare(recipe, given, Heard(quiet=True)), said


@pytest.mark.parametrize(
    ("name", "hyper", "sure"),
    [("bt-ties", {}, 1.0), ("bt", {"label_smoothing": 0.2}, 0.8), ("cdpo", {}, 1.0), ("gdpo", {}, 1.0)],
)
def test_objectives_that_know_ties_read_them(name: str, hyper: dict[str, Any], sure: float) -> None:
    run, said = prepared(name, arena(), **hyper)
    assert [each.fields["probability"] for each in run.examples.examples] == [
        0.5 if number % 3 == 0 else sure for number in range(12)
    ]
    assert sum("4 of 12 pairs are ties" in each for each in said) == 1


@pytest.mark.parametrize("name", ["dpo", "kto", "simpo", "nll", "gpm"])
def test_other_objectives_leave_ties_out_and_say_it_once(name: str) -> None:
    run, said = prepared(name, arena())
    without, _ = prepared(name, [row for row in arena() if row["winner"] != "tie"])
    assert run.train.fingerprint == without.train.fingerprint
    assert sum("4 ties of memory were left out" in each and "8 pairs are left" in each for each in said) == 1


def test_pairs_with_certainties_and_no_tie_stay_as_they_are() -> None:
    rows = pairs(4, probability=[0.9, 0.7, 0.6, 1.0])
    assert [each.fields["probability"] for each in prepared("bt", rows)[0].examples.examples] == [0.9, 0.7, 0.6, 1.0]
    with pytest.raises(DataError, match="needs the field 'probability'"):
        prepared("bt-ties", pairs(4))


def test_records_that_were_read_with_their_ties_lose_them_too() -> None:
    kept = read(arena(), ties="keep")
    run, said = prepared("dpo", kept)
    assert len(run.train) == 8 and any("4 ties" in each for each in said)


def test_only_ties_are_an_error_that_names_who_could_learn() -> None:
    rows = [row for row in arena() if row["winner"] == "tie"]
    with pytest.raises(DataError, match=r"All 4 comparisons are ties.*bt-ties"):
        prepared("dpo", rows)
    assert len(prepared("bt-ties", rows)[0].train) == 4


def test_accuracies_do_not_count_ties(train: Train) -> None:
    rows = arena()
    swapped = [
        {**row, "response_a": row["response_b"], "response_b": row["response_a"]} if row["winner"] == "tie" else row
        for row in rows
    ]
    one, two = (train(data=each, objective={"name": "cdpo"}, max_steps=1, name=name)
                for name, each in (("one", rows), ("two", swapped)))  # fmt: skip
    for name in ("logps/accuracy", "rewards/accuracy", "rewards/margin"):
        assert one.summary["before"][name] == pytest.approx(two.summary["before"][name])


def test_checks_judges_and_scores_keep_ties_apart(tmp_path: Any) -> None:
    table = read(arena(), ties="keep")
    checks = {each.name: each for each in examine(table, None).checks}
    assert checks["ties"].value == "4 (33.3 %)"
    assert "ties" not in {each.name for each in examine(table[1:3], None).checks}
    judge = build_judge({"name": "relevance"}, table)
    assert judge is not None
    found = judge_records(table, {"r": NamedJudge(judge, {"name": "relevance"})})
    assert found.summary()["r"]["ties in the feedback"] == 4
    scores = [[0.0, 1.0] if record.tie else [1.0, 0.0] for record in table]  # type: ignore[attr-defined]
    subsets = by_subset([_named(each) for each in table], scores, "part")
    assert subsets.accuracy["all"].value == 1.0 and subsets.records["all"] == 8 and subsets.unread["all"] == 4
    right, wrong = ([{"mean_logp": value}, {"mean_logp": -value}] for value in (1.0, -1.0))
    assert agreement([{"responses": right}, {"responses": wrong, "tie": True}], "comparison")["accuracy/logp"] == 1.0
    assert agreement([{"responses": wrong, "tie": True}], "comparison") == {}


def test_a_builder_counts_the_ties_that_it_leaves_out(tmp_path: Any) -> None:
    rows = [{**row, "annotator": "one"} for row in arena()]
    command = ["data", "build", "few-shot", str(write_pairs(tmp_path / "arena.jsonl", rows))]
    done = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "few.jsonl"), "--shots", "0"])
    assert done.exit_code == 0, done.output
    assert any("ties left out" in line and "4" in line for line in done.output.splitlines())
    decided = {row["chosen"] for row, asked in zip(pairs(), arena(), strict=True) if asked["winner"] != "tie"}
    assert {record.responses[0] for record in read(tmp_path / "few.jsonl")} == decided


def test_an_online_run_uses_the_prompts_of_ties(folder: Path) -> None:
    from penchant.online.preparation import prepare as prepare_online
    from penchant.online.recipe import make_online_recipe

    asked = {"model": str(folder), "data": "in memory"}
    rows = [{**row, "answer": "red"} for row in arena()]
    recipe = make_online_recipe({**asked, "judge": {"name": "verifier", "rule": "contains"}, "max_new_tokens": 4})
    assert len(prepare_online(recipe, Given(data=rows)).train) == 12


def _named(record: Any) -> Any:
    from dataclasses import replace

    return replace(record, fields={**record.fields, "part": "all"})
