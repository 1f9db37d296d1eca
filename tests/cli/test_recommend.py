"""``penchant recommend`` from interactions to a measured list, on the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.cli.recommend import _write_lists
from penchant.evaluation.recommendation.measuring import Measured, Users
from penchant.generation.catalogue import Item
from small_interactions import users, write_users


def test_from_interactions_to_measured_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken, shop = write_users(tmp_path / "taken.jsonl", count=60, test=12), tmp_path / "shop"
    assert main(["recommend", "prepare", str(taken), "-o", str(shop), "--width", "32", "--layers", "1"]) == 0
    keys = ["epochs=20", "learning_rate=1e-2", "batch_size=8", "samples=0"]
    trained = ["train", "--model", f"{shop}/model", "--data", f"{shop}/train.jsonl", "--objective", "nll"]
    assert main([*trained, "--out", f"{tmp_path}/sft", *keys]) == 0
    # The others took all items, which leaves no negative.
    short = tmp_path / "short.jsonl"
    rows = [line for line in (shop / "next.jsonl").read_text().splitlines() if len(json.loads(line)["history"]) < 5]
    short.write_text("\n".join(rows), encoding="utf-8")
    negatives = ["data", "build", "negatives", str(short), "--items", f"{shop}/items.jsonl", "--count", "1"]
    assert main([*negatives, "-o", f"{tmp_path}/lists.jsonl"]) == 0
    tuned = ["train", "--model", f"{tmp_path}/sft/model", "--data", f"{tmp_path}/lists.jsonl", "--objective", "s-dpo"]
    assert main([*tuned, "--out", f"{tmp_path}/sdpo", "samples=0", "max_steps=2"]) == 0
    capsys.readouterr()
    measured = ["recommend", "evaluate", str(shop), "-k", "1", "--json", f"{tmp_path}/found.json"]
    measured += ["--html", f"{tmp_path}/found.html", "--lists", f"{tmp_path}/each"]
    assert main([*measured, "--model", f"{tmp_path}/sft", "--model", f"{tmp_path}/sdpo"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "sft is " in said
    page = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert "NDCG@1" in page and page.count("<svg") == 2 and "sft is " in page and "item-knn" in page
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    by_name = {each["name"]: each["hit"]["value"] for each in found["recommenders"]}
    assert by_name[f"{tmp_path}/sft"] > max(by_name["popularity"], by_name["random"])
    files = sorted(map(str, (tmp_path / "each").iterdir()))
    assert [Path(each).stem for each in files] == ["factorisation", "item-knn", "popularity", "random", "sdpo", "sft"]
    fair = ["recommend-metrics", *files, "--interactions", str(shop), "-k", "1", "--json", f"{tmp_path}/fair.json"]
    assert main(fair) == 0
    fairness = json.loads((tmp_path / "fair.json").read_text(encoding="utf-8"))["measures"]
    assert fairness["sft"]["HR"] == by_name[f"{tmp_path}/sft"] and 0 <= fairness["sft"]["Gini_our"] <= 1
    listed = ["recommend", "top", "--model", f"{tmp_path}/sft", "--items", f"{shop}/items.jsonl", "--users", str(taken)]
    assert main([*listed, "-k", "1", "--seen", "-o", f"{tmp_path}/lists/top.jsonl"]) == 0
    lists = [json.loads(line) for line in (tmp_path / "lists" / "top.jsonl").read_text().splitlines()]
    assert [each["user"] for each in lists] == [str(row["user"]) for row in users(60, 12)]


def test_an_unknown_item_stops_or_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = tmp_path / "shop"
    assert main(["recommend", "prepare", str(write_users(tmp_path / "u.jsonl")), "-o", str(shop), "--width", "32"]) == 0
    asked = tmp_path / "asked.jsonl"
    asked.write_text(
        '{"user": 1, "items": [2, 99]}\n{"user": 2, "items": [99]}\n{"user": 3, "items": [1, 2, 3, 4, 5]}\n',
        encoding="utf-8",
    )
    words = ["recommend", "top", "--model", f"{shop}/model", "--items", f"{shop}/items.jsonl", "--users", str(asked)]
    assert main([*words, "-k", "2", "-o", f"{tmp_path}/top.jsonl"]) == 1
    assert "took the item '99', which is not in the catalogue" in capsys.readouterr().err
    assert main([*words, "-k", "2", "-o", f"{tmp_path}/top.jsonl", "--on-bad", "skip"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 lists written" in said and "1 without a known item left out; 1 shorter than 2" in said


def test_what_cannot_be_measured_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = tmp_path / "shop"
    assert main(["recommend", "prepare", str(write_users(tmp_path / "u.jsonl")), "-o", str(shop), "--width", "32"]) == 0
    assert main(["recommend", "evaluate", str(shop), "-k", "7"]) == 1
    assert "k is 7, but the catalogue has 6 items" in capsys.readouterr().err
    for words, told in (
        (["--model", f"{tmp_path}/absent"], "absent"),
        (["--baselines", "popularity,item-kn"], "There is no baseline 'item-kn'"),
    ):
        assert main(["recommend", "evaluate", str(shop), "-k", "2", *words]) == 1
        said = capsys.readouterr().err
        assert told in said and "Measuring" not in said  # found before the baselines, which may take minutes


@pytest.mark.parametrize("twice", [["a/model", "b/model"], ["a", "b"]])
def test_lists_of_folders_with_one_name_lie_apart(tmp_path: Path, twice: list[str]) -> None:
    users = Users([Item("7", "x")], [], [], [0], ("u",))
    _write_lists(Measured([], [], 1, {name: [[0]] for name in twice}), users, tmp_path / "lists")
    assert len(list((tmp_path / "lists").iterdir())) == 2
    assert json.loads(next((tmp_path / "lists").iterdir()).read_text()) == {"user": "u", "items": ["7"]}


def test_a_folder_without_users_to_measure_on_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop, taken = tmp_path / "shop", tmp_path / "u.jsonl"
    lines = [{"user": user, "items": [user % 5, (user + 1) % 5]} for user in range(8)]
    taken.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    small = ["--width", "32", "--layers", "1", "--test-share", "0"]
    assert main(["recommend", "prepare", str(taken), "-o", str(shop), *small]) == 0
    assert main(["recommend", "evaluate", str(shop), "-k", "2"]) == 1
    told = capsys.readouterr()
    assert "No users to measure on" in " ".join(told.out.split())
    said = " ".join(told.err.split())
    assert "There is no test.jsonl: no user was set apart for test. Prepare the folder anew, with --test-share" in said
