"""A batch has the rows of each view of each example in its forest."""

from __future__ import annotations

import pytest
import torch

from forest.words import renderer
from penchant.feedback.records import Comparison, Ranking, Source
from penchant.forest import Batch, Encoder, Example, TokenSequence, collate

RECORDS = [
    Comparison(prompt="the cat", chosen=" sat", rejected=" sat down and ran", fields={"margin": 1.5, "weight": 2.0}),
    Comparison(prompt="a dog", chosen=" ran on", rejected=" ran", fields={"margin": -0.5}, source=Source("b.jsonl", 2)),
]


def pairs() -> list[Example]:
    return Encoder(renderer(), ["chosen", "rejected"], ["margin"]).encode(RECORDS).examples


def responses(batch: Batch, view: str) -> list[list[int]]:
    """The tokens of a view in a batch, one row per response."""
    forest, rows = batch.forest, batch.rows[view]
    return [forest.token_ids[forest.response_index[row][forest.mask[row]]].tolist() for row in rows]


def test_rows_lead_to_the_tokens_of_each_view() -> None:
    batch = collate(pairs(), step=3)
    ours = renderer()
    for view in ("chosen", "rejected"):
        assert responses(batch, view) == [ours.response_ids(each.prompt, getattr(each, view)) for each in RECORDS]
        assert batch.group[view].tolist() == [0, 1]
    assert len(batch) == 2
    assert batch.step == 3
    assert batch.sources == (Source(), Source("b.jsonl", 2))


def test_an_example_shares_its_prompt_and_what_its_responses_have_in_common() -> None:
    batch = collate(pairs())
    # the cat sat (</s> | down and ran </s>), a dog ran (on </s> | </s>)
    assert batch.forest.tokens == (3 + 1 + 4) + (3 + 2 + 1)
    apart = collate(pairs(), share=False)
    assert apart.forest.tokens == apart.forest.sequence_tokens == batch.forest.sequence_tokens
    assert responses(apart, "rejected") == responses(batch, "rejected")
    assert sum(example.size for example in pairs()) >= batch.forest.tokens


def test_fields_and_weights_are_one_number_per_example() -> None:
    batch = collate(pairs())
    assert batch.fields["margin"].tolist() == [1.5, -0.5]
    assert batch.weights.tolist() == [2.0, 1.0]
    assert batch.denominator == 3.0
    given = collate(pairs(), weights=[0, 1], denominator=8.0)
    assert given.weights.tolist() == [0.0, 1.0]
    assert given.weights.dtype == torch.float32
    assert given.denominator == 8.0


def test_a_list_has_one_number_per_response() -> None:
    lists = [
        Ranking(prompt="the cat", completions=(" sat", " ran", " sat down"), scores=(3.0, 1.0, 2.0)),
        Ranking(prompt="a", completions=(" cat", " dog"), scores=(0.5, 0.25)),
    ]
    batch = collate(Encoder(renderer(), ["responses"], ["scores"]).encode(lists).examples)
    assert batch.group["responses"].tolist() == [0, 0, 0, 1, 1]
    assert batch.fields["scores"].tolist() == [3.0, 1.0, 2.0, 0.5, 0.25]
    assert len(batch) == 2


def test_a_view_that_some_examples_lack_has_rows_for_the_others() -> None:
    both = Example({"chosen": [TokenSequence([3], [4])], "kl": [TokenSequence([5], [6])]}, {}, 1.0, Source())
    alone = Example({"chosen": [TokenSequence([3], [7])]}, {}, 1.0, Source())
    batch = collate([alone, both])
    assert batch.group["chosen"].tolist() == [0, 1]
    assert batch.group["kl"].tolist() == [1]
    assert responses(batch, "kl") == [[6]]


@pytest.mark.parametrize("name", ["rows", "group", "fields"])
def test_a_batch_moves_whole(name: str) -> None:
    moved = collate(pairs()).to("meta")
    assert moved.forest.token_ids.device.type == moved.weights.device.type == "meta"
    assert all(each.device.type == "meta" for each in getattr(moved, name).values())
