"""Lists from a record to a loss: ranks of scores, lists of different lengths, and items of one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import penchant
from forest.words import renderer
from penchant.feedback import read
from penchant.forest import Encoder, collate
from penchant.objectives import build
from small_runs import losses, model_folder

TEXTS = ["the cat sat", "the dog ran", "a cat ran down", "the cat and the dog sat on a cat", "a dog"]
RUN: dict[str, Any] = {"device": "cpu", "chat_template": "plain", "samples": 0, "batch_size": 3, "max_steps": 3}


def lists(values: str = "scores") -> list[dict[str, Any]]:
    """Lists of two, three and five, each with a tie where it has room for one."""
    given = {2: [1.0, 0.0], 3: [0.5, 2.0, 0.5], 5: [4.0, 1.0, 3.0, 1.0, 0.0]}
    if values == "ranks":
        given = {2: [1, 2], 3: [2, 1, 2], 5: [1, 3, 2, 3, 5]}
    return [{"prompt": "the dog", "completions": TEXTS[:count], values: each} for count, each in given.items()]


@pytest.mark.parametrize("name", ["s-dpo", "plackett-luce-dpo", "dmpo"])
def test_ranks_of_scores_give_the_loss_of_the_same_ranks(name: str, tmp_path: Path) -> None:
    model = str(model_folder(tmp_path / "model"))
    for values in ("scores", "ranks"):
        penchant.train(model, lists(values), name, tmp_path / values, **RUN)
    assert losses(tmp_path / "scores") == losses(tmp_path / "ranks") != []


def test_lists_of_different_lengths_are_one_batch() -> None:
    wanted = build("s-dpo").requirements
    encoded = Encoder(renderer(), wanted.views, wanted.fields).encode(read(lists()))
    batch = collate(encoded.examples)
    assert batch.group["responses"].tolist() == [0] * 2 + [1] * 3 + [2] * 5
    assert batch.fields["ranks"].tolist() == [1, 2, 2, 1, 2, 1, 3, 2, 3, 5]


def test_a_list_method_trains_on_pairs() -> None:
    wanted = build("s-dpo").requirements
    pair = {"prompt": "the dog", "chosen": "ran down", "rejected": "sat"}
    (example,) = Encoder(renderer(), wanted.views, wanted.fields).encode(read([pair])).examples
    assert example.fields["ranks"] == [1, 2] and len(example.views["responses"]) == 2
