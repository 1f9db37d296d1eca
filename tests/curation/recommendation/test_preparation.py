"""From interactions to a folder with a catalogue, files of feedback and a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from penchant.curation.recommendation.codes import item_codes, item_vectors
from penchant.curation.recommendation.models import extend_vocabulary
from penchant.curation.recommendation.preparation import Plan, prepare
from penchant.errors import ConfigurationError, DataError, OutputError
from penchant.feedback import read
from penchant.generation.catalogue import read_items
from penchant.rendering.renderer import Renderer
from small_interactions import ITEMS, users, write_users
from small_runs import WORDS, model_folder

SMALL = Plan(width=32, layers=1, valid_share=0.2)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("items", [1, 2, 5, 33, 200])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_codes_are_distinct_and_short(items: int, length: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(items, 4))
    for given in (items, vectors):
        codes = item_codes(given, length)
        assert len(set(codes)) == items
        assert {len(code) for code in codes} == {length}
    if length > 1:
        assert max(map(max, codes)) < 2 ** -(-max(1, int(np.ceil(np.log2(items)))) // length)


def test_equal_vectors_still_give_distinct_codes() -> None:
    assert len(set(item_codes(np.zeros((50, 3)), 2))) == 50


def test_items_that_the_same_users_take_begin_alike() -> None:
    histories = [[0, 1, 2, 3] * 2, [4, 5, 6, 7] * 2] * 5
    firsts = [code[0] >> 1 for code in item_codes(item_vectors(histories, 8), 2)]
    assert len(set(firsts[:4])) == len(set(firsts[4:])) == 1
    assert firsts[0] != firsts[4]


def test_every_item_has_the_tokens_that_its_code_has_words(tmp_path: Path) -> None:
    prepare(write_users(tmp_path / "u.jsonl"), tmp_path / "out", SMALL)
    renderer = Renderer(AutoTokenizer.from_pretrained(tmp_path / "out" / "model"))
    texts = [each.text for each in read_items(tmp_path / "out" / "items.jsonl")]
    assert len(texts) == ITEMS
    for row in rows(tmp_path / "out" / "train.jsonl"):
        ids = renderer.prompt_ids(row["prompt"]) + renderer.response_ids(row["prompt"], row["completion"])
        assert len(ids) == 3 * len(row["prompt"].split("<end>")[:-1]) + 3 * len(row["completion"].split("<end>"))
        assert renderer.tokenizer.unk_token_id not in ids


def test_users_of_the_test_are_in_no_file_to_learn_from(tmp_path: Path) -> None:
    prepare(write_users(tmp_path / "u.jsonl"), tmp_path / "out", SMALL)
    parts = {
        name: {row["user"] for row in rows(tmp_path / "out" / f"{name}.jsonl")}
        for name in ("train", "next", "valid", "test")
    }
    assert parts["test"] == {str(row["user"]) for row in users() if row["split"] == "test"}
    assert parts["train"] == parts["next"]
    assert not parts["train"] & (parts["test"] | parts["valid"])
    assert read(tmp_path / "out" / "next.jsonl").kind == "demonstration"


@pytest.mark.parametrize("seed", range(6))
def test_of_few_users_one_each_is_drawn_to_tune_and_to_measure_on(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "u.jsonl"
    lines = [{"user": user, "items": [user % 5, (user + 1) % 5, (user + 3) % 5]} for user in range(8)]
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"user": "once", "items": [1]}]))
    counts = prepare(path, tmp_path / "out", replace(SMALL, valid_share=0.01, test_share=0.01, seed=seed)).counts
    assert (counts["users to train"], counts["users to valid"], counts["users to test"]) == (6, 1, 1)
    none = prepare(path, tmp_path / "none", replace(SMALL, valid_share=0.0, test_share=0.0, seed=seed)).counts
    assert (none["users to train"], none["users to valid"], none["users to test"]) == (8, 0, 0)


def test_a_user_with_one_interaction_is_left_out_and_counted(tmp_path: Path) -> None:
    path = write_users(tmp_path / "u.jsonl")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"user": "once", "items": [1], "split": "train"}\n')
    found = prepare(path, tmp_path / "out", replace(SMALL, valid_share=0.0))
    assert found.counts["users left out of train: fewer than two items"] == 1
    assert "once" not in {row["user"] for row in rows(tmp_path / "out" / "train.jsonl")}


def test_a_given_model_keeps_its_tokens_and_gets_those_of_the_items(tmp_path: Path) -> None:
    base = model_folder(tmp_path / "base")
    before = AutoModelForCausalLM.from_pretrained(base)
    found = prepare(write_users(tmp_path / "u.jsonl"), tmp_path / "out", replace(SMALL, model=str(base)))
    after = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out" / "model")
    old = AutoTokenizer.from_pretrained(base)
    assert found.counts["tokens added to the vocabulary"] == len(tokenizer) - len(old) > 0
    kept, rows_after = before.get_input_embeddings().weight, after.get_input_embeddings().weight
    assert len(rows_after) >= len(tokenizer)
    assert (rows_after[: len(old)] == kept[: len(old)]).all()
    item = read_items(tmp_path / "out" / "items.jsonl")[0].text
    assert len(tokenizer(item, add_special_tokens=False)["input_ids"]) == 2


def test_known_words_are_not_added_again(tmp_path: Path) -> None:
    base = model_folder(tmp_path / "base")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    assert extend_vocabulary(model, tokenizer, ["<a0>", "<a1>"]) == 2
    assert extend_vocabulary(model, tokenizer, ["<a0>", "<a1>"]) == 0


def test_an_item_outside_of_the_catalogue_is_refused_or_left_out(tmp_path: Path) -> None:
    base, catalogue = model_folder(tmp_path / "base"), tmp_path / "items.jsonl"
    catalogue.write_text(
        "".join(json.dumps({"item": item, "text": WORDS[item]}) + "\n" for item in range(ITEMS - 1)), encoding="utf-8"
    )
    path, plan = write_users(tmp_path / "u.jsonl"), replace(SMALL, model=str(base), catalogue=str(catalogue))
    with pytest.raises(DataError, match="'5', which is not in the catalogue"):
        prepare(path, tmp_path / "out", plan)
    found = prepare(path, tmp_path / "out", replace(plan, on_bad="skip"))
    taken = sum(row["items"].count(ITEMS - 1) for row in users())
    assert found.counts["interactions left out: unknown item"] == taken


@pytest.mark.parametrize(("text", "said"), [("", "no tokens"), (WORDS[1], "same tokens")])
def test_items_that_could_not_be_listed_are_refused_with_their_line_before_anything_is_written(
    tmp_path: Path, text: str, said: str
) -> None:
    base, catalogue = model_folder(tmp_path / "base"), tmp_path / "items.jsonl"
    texts = [*WORDS[: ITEMS - 1], text]
    written = [json.dumps({"item": item, "text": each}) + "\n" for item, each in enumerate(texts)]
    catalogue.write_text("".join(written), encoding="utf-8")
    path, plan = write_users(tmp_path / "u.jsonl"), replace(SMALL, model=str(base), catalogue=str(catalogue))
    with pytest.raises(DataError, match=said) as found:
        prepare(path, tmp_path / "out", plan)
    assert found.value.where == f"{catalogue}:{ITEMS}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tokens": 0}, "tokens is 0"),
        ({"width": 33}, "multiple of 32"),
        ({"valid_share": 1.0}, "valid_share"),
        ({"codes": "alike"}, "similar or random"),
        ({"catalogue": "items.jsonl"}, "need a model"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        prepare(tmp_path / "absent.jsonl", tmp_path / "out", replace(SMALL, **changes))


def test_a_folder_that_exists_is_kept(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="already exists"):
        prepare(write_users(tmp_path / "u.jsonl"), tmp_path, SMALL)
