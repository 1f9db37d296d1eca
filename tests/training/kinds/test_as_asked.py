"""A run reads rankings as the pairs, and pairs as the judgements, that its objective asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.feedback.pairing import HOW, How
from penchant.feedback.records import Ranking
from penchant.objectives.core.expression import build
from penchant.online.recipe import make_online_recipe
from penchant.training import Recipe, Result, make_recipe
from penchant.training.kinds.methods_for import check_kind
from penchant.training.preparation import Given, Prepared, prepare
from penchant.training.progress import ProgressReporter
from penchant.training.reading import read_data
from small_runs import COLOURS, THINGS, losses, metrics

Train = Callable[..., Result]


def ranked(count: int = 8) -> list[dict[str, Any]]:
    """Rankings of four answers; the last one has equal scores throughout."""
    rows = []
    for number in range(count):
        thing = THINGS[number % 6]
        answers = [f" the {thing} is {colour}" for colour in COLOURS[number % 3 : number % 3 + 4]]
        scores = [2.0, 5.0, 1.0, 3.5] if number < count - 1 else [4.0] * 4
        rows.append({"prompt": f"which {'very ' * number}old {thing}", "completions": answers, "scores": scores})
    return rows


def by_hand(rows: list[dict[str, Any]], places: list[tuple[int, int]]) -> list[dict[str, Any]]:
    return [
        {
            "prompt": row["prompt"],
            "chosen": row["completions"][better],
            "rejected": row["completions"][worse],
            "margin": row["scores"][better] - row["scores"][worse],
            "weight": 1 / len(places),
        }
        for row in rows[:-1]
        for better, worse in places
    ]


PLACES: dict[str, list[tuple[int, int]]] = {
    "best_worst": [(1, 2)],
    "adjacent": [(1, 3), (3, 0), (0, 2)],
    "best_rest": [(1, 3), (1, 0), (1, 2)],
    "all": [(1, 3), (1, 0), (1, 2), (3, 0), (3, 2), (0, 2)],
}


@pytest.mark.parametrize("how", list(PLACES))
def test_a_run_on_rankings_is_the_run_on_pairs_written_by_hand(train: Train, how: str) -> None:
    rows = ranked()
    recipe: dict[str, Any] = {"objective": "odpo", "eval_every": 3}
    found = train("ranked", data=rows, eval_data=rows[:3], pairs=how, **recipe).folder
    pairs = by_hand(rows, PLACES[how])
    expected = train("pairs", data=pairs, eval_data=by_hand(rows[:4], PLACES[how]), **recipe).folder
    assert losses(found) == losses(expected)
    assert metrics(found, "eval")[3]["loss"] == metrics(expected, "eval")[3]["loss"]


def test_judgements_are_made_of_rankings_by_way_of_pairs(train: Train) -> None:
    rows = ranked()
    found = train("ranked", data=rows, objective="kto").folder
    assert losses(found) == losses(train("pairs", data=by_hand(rows, [(1, 2)]), objective="kto").folder)


def test_a_loss_of_the_chosen_side_imitates_the_best(train: Train) -> None:
    rows = ranked()
    best = [{"prompt": row["prompt"], "completion": row["completions"][1]} for row in rows[:-1]]
    found = train("ranked", data=rows, objective="nll").folder
    assert losses(found) == losses(train("best", data=best, objective="nll").folder)


def test_it_is_said_that_rejected_responses_are_not_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = by_hand(ranked(), [(1, 2)])
    for objective, silent in (("nll", False), ("dpo", True), ("dpo+0.2*nll", True), ("kto", True)):
        prepared(folder, pairs, objective=objective)
        said = " ".join(capsys.readouterr().err.split())
        assert ("Of each pair the chosen response is learned" not in said) is silent, objective


def test_pairs_of_one_ranking_are_no_near_duplicates(folder: Path) -> None:
    found = prepared(folder, ranked(), objective="dpo", pairs="all").diagnosis
    assert found is not None
    [check] = [each for each in found.checks if each.name == "near duplicates"]
    assert check.value == "0"


def test_a_loss_of_lists_keeps_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = prepared(folder, ranked(), objective="exo-rw")
    assert kept.train.kind == "ranking" and "counts as" not in capsys.readouterr().err


def prepared(folder: Path, data: Any, **recipe: Any) -> Prepared:
    made = make_recipe({"model": str(folder), "data": "in memory", "max_steps": 1, **recipe})
    return prepare(made, Given(data=data), ProgressReporter())


def test_it_is_said_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described = prepared(folder, ranked(), objective="dpo", eval_share=0.4, seed=1).measured_on
    said = " ".join(capsys.readouterr().err.split())
    assert "Each ranking counts as its best against its worst response: 4 training pairs" in said
    assert "3 pairs from 3 records set aside" in described or "2 pairs from 3 records set aside" in described
    prepared(folder, ranked(), objective="dpo", pairs="all")
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "counts as all pairs of its responses: 42 training pairs; 1 ranking of equal scores or responses was left"
        in said
    )


def test_records_are_held_out_before_they_become_pairs(folder: Path) -> None:
    rows = ranked()
    recipe: dict[str, Any] = {"eval_share": 0.4, "seed": 3}
    made = prepared(folder, rows, objective="dpo", pairs="all", **recipe)
    read, heldout, _ = read_data(make_recipe({"model": "m", "data": "d", **recipe}), Given(data=rows))
    assert all(isinstance(each, Ranking) for each in read)
    for pairs, records in ((made.train, read), (made.heldout, heldout)):
        assert {each.source for each in pairs} <= {each.source for each in records}


def test_a_mixture_of_rankings_and_pairs(train: Train) -> None:
    rows = ranked()
    mixture = [{"data": rows, "weight": 0.5}, {"data": by_hand(rows, [(1, 2)]), "weight": 0.5}]
    assert train(data=mixture).summary["examples"] == 14
    with pytest.raises(DataError, match=r"needs the field 'scores', which this record does not have"):
        train("lists", data=mixture, objective="exo-rw")


def test_ranks_alone_do_not_serve_a_method_of_scores(folder: Path) -> None:
    rows = [{"prompt": "Q", "completions": ["a", "b", "c"], "ranks": [1, 2, 3]}]
    with pytest.raises(DataError, match=r"'scores'.*Ranks do not say by how much .* plackett-luce-dpo"):
        prepared(folder, rows, objective="lipo-lambda")


def test_rankings_of_equal_scores_alone_are_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match=r"All scores within each of the 1 rankings of memory are equal"):
        prepared(folder, ranked()[-1:], objective="dpo")


def test_judgements_for_a_method_of_pairs_name_the_methods_that_read_them(folder: Path) -> None:
    judged = [
        {"prompt": f"which {thing}", "completion": f" the {thing}", "label": bool(n % 2)}
        for n, thing in enumerate(THINGS)
    ]
    with pytest.raises(
        DataError, match=r"'judgement' cannot supply the view 'chosen'.*'judgement': .*\bkto\b"
    ) as found:
        prepared(folder, judged, objective="dpo")
    assert "No prompt has both a desirable and an undesirable response" in str(found.value)
    shown = [{"prompt": "which", "completion": " the car"}]
    with pytest.raises(DataError, match=r"'demonstration' cannot supply the view 'rejected'.*\bnll\b"):
        prepared(folder, shown, objective="dpo")
    with pytest.raises(DataError, match=r"'prompt' cannot supply the view 'chosen'"):
        prepared(folder, [{"prompt": "which"}], objective="dpo")


def test_the_ways_are_the_choices_of_the_recipe(tmp_path: Path) -> None:
    assert set(get_args(Recipe.model_fields["pairs"].annotation)) == set(get_args(How)) == set(HOW)
    with pytest.raises(ConfigurationError, match="pairs"):
        make_recipe({"model": "m", "data": "d", "pairs": "best"})
    with pytest.raises(ConfigurationError, match="pairing says which samples are compared"):
        make_online_recipe({"model": "m", "data": "d", "pairs": "all"})


def test_a_published_layout_trains_with_dpo(train: Train, tmp_path: Path) -> None:
    """UltraFeedback as it was published: an instruction and its completions with ``overall_score``."""
    rows = [
        {
            "instruction": row["prompt"],
            "completions": [
                {"response": text, "overall_score": score, "model": "m"}
                for text, score in zip(row["completions"], row["scores"], strict=True)
            ],
        }
        for row in ranked()
    ]
    data = tmp_path / "ultrafeedback.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert losses(train("published", data=data).folder) == losses(
        train("pairs", data=by_hand(ranked(), [(1, 2)])).folder
    )


def test_a_list_of_numbers_is_not_empty_and_as_long_as_the_others(folder: Path) -> None:
    row = {"prompt": "Q", "completion": "a"}
    for sources, told in (
        ([[]], r":1: 'chosen_sources' is an empty list.*penchant data build sources"),
        ([[-1.0, -2.0], [-1.0]], r":2: The field 'chosen_sources' has 1 number.*2 at .*:1"),
    ):
        rows = [{**row, "chosen_sources": each} for each in sources]
        with pytest.raises(DataError, match=told):
            prepared(folder, rows, objective="poft")


def test_rows_that_look_like_pairs_are_named_where_a_method_of_pairs_cannot_read_them() -> None:
    rows = [{"prompt": "Hi", "positive": "Hello!", "negative": "No."}]
    with pytest.raises(DataError, match=r"kind 'prompt' cannot supply.*--map chosen=positive --map rejected=negative"):
        check_kind(build("dpo"), read(rows))
