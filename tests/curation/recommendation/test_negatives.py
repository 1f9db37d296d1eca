"""Negatives: never what the user took, none twice, and as likely as they should be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from penchant.curation.recommendation.negatives import Negatives
from penchant.curation.recommendation.preparation import Plan, prepare
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.generation.catalogue import read_items
from penchant.generation.recommender import load_recommender
from small_interactions import write_users


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop")
    prepare(write_users(home / "u.jsonl"), home / "out", Plan(width=32, layers=1, valid_share=0.0))
    return home / "out"


@pytest.mark.parametrize("choice", ["uniform", "popular", "hard"])
def test_negatives_are_distinct_items_that_the_user_did_not_take(folder: Path, choice: str) -> None:
    records = [each for each in read(folder / "next.jsonl") if len(each.fields["history"]) < 4]
    model = str(folder / "model") if choice == "hard" else None
    items = {each.text: each.id for each in read_items(folder / "items.jsonl")}
    made = Negatives(items=str(folder / "items.jsonl"), count=2, choice=choice, model=model).build(records)
    for record, row in zip(records, made.rows, strict=True):
        names = [items[text] for text in row["completions"]]
        assert names[0] == record.fields["target"]
        assert len(set(names)) == 3
        assert not set(names[1:]) & {*record.fields["history"], record.fields["target"]}
        assert row["ranks"] == [1, 2, 2]
    assert read(made.rows).kind == "ranking"


def test_hard_negatives_are_the_likeliest_items(folder: Path) -> None:
    [record] = [each for each in read(folder / "next.jsonl") if len(each.fields["history"]) == 2][:1]
    items = read_items(folder / "items.jsonl")
    recommender = load_recommender(str(folder / "model"), items)
    places = {each.id: place for place, each in enumerate(items)}
    [best] = recommender.top([[places[name] for name in record.fields["history"]]], 4)
    made = Negatives(items=str(folder / "items.jsonl"), count=3, choice="hard", model=str(folder / "model")).build(
        [record]
    )
    wanted = [items[place].text for place in best if items[place].id != record.fields["target"]]
    assert made.rows[0]["completions"][1:] == wanted[:3]


def test_popular_negatives_follow_how_often_items_are_taken(tmp_path: Path) -> None:
    catalogue = tmp_path / "items.jsonl"
    catalogue.write_text('{"text": "a"}\n{"text": "b"}\n{"text": "c"}\n', encoding="utf-8")
    rows = [{"prompt": "x", "completion": text} for text in ["a"] * 300 + ["b"] * 90 + ["c"] * 10]
    made = Negatives(items=str(catalogue), count=1, choice="popular").build(read(rows))
    counts = Counter(row["completions"][1] for row in made.rows[:300])
    assert counts["a"] == 0
    assert counts["b"] / 300 == pytest.approx(0.9, abs=0.06)


def test_more_negatives_than_the_catalogue_has_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="6 negatives are wanted, but the catalogue has 6 items"):
        Negatives(items=str(folder / "items.jsonl"), count=6).build(read(folder / "next.jsonl"))


def test_an_unknown_item_is_named_with_its_line(folder: Path) -> None:
    with pytest.raises(DataError, match="'chess' is not in the catalogue") as caught:
        Negatives(items=str(folder / "items.jsonl"), count=1).build(read([{"prompt": "x", "completion": "chess"}]))
    assert "memory:1" in str(caught.value)


@pytest.mark.parametrize("settings", [{"choice": "hard"}, {"choice": "uniform", "model": "m"}])
def test_a_model_is_for_hard_negatives_alone(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="model"):
        Negatives(items="items.jsonl", **settings)
