"""Lists from a record to a loss: ranks of scores, lists of different lengths, and items of one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from families import tiny_model
from penchant.feedback import read
from penchant.forest import Encoder, collate
from penchant.likelihood import CausalScorer
from penchant.likelihood.references.none import NoReference
from penchant.objectives import build
from penchant.rendering import Renderer, Truncation
from small_runs import losses, model_folder, word_tokenizer

TEXTS = ["the car is red", "the hat was old", "a car was not good", "the car and the hat was very old", "a hat"]
RUN: dict[str, Any] = {"device": "cpu", "chat_template": "plain", "samples": 0, "batch_size": 3, "max_steps": 3}


def renderer() -> Renderer:
    """That of the tiny models."""
    return Renderer(word_tokenizer())


def lists(values: str = "scores") -> list[dict[str, Any]]:
    """Lists of two, three and five, each with a tie where it has room for one."""
    given = {2: [1.0, 0.0], 3: [0.5, 2.0, 0.5], 5: [4.0, 1.0, 3.0, 1.0, 0.0]}
    if values == "ranks":
        given = {2: [1, 2], 3: [2, 1, 2], 5: [1, 3, 2, 3, 5]}
    return [{"prompt": "which colour", "completions": TEXTS[:count], values: each} for count, each in given.items()]


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
    pair = {"prompt": "which colour", "chosen": "red and blue", "rejected": "old"}
    (example,) = Encoder(renderer(), wanted.views, wanted.fields).encode(read([pair])).examples
    assert example.fields["ranks"] == [1, 2] and len(example.views["responses"]) == 2


ANSWER = {
    "prompt": "which colour",
    "response": "red car and hat is a cup",
    "items": ["red car", "hat", "a cup"],
    "relevance": [0, 2, 1],
}


def test_items_of_one_answer_are_the_same_tokens_computed_once() -> None:
    wanted = build("irpo").requirements
    (example,) = Encoder(renderer(), wanted.views, wanted.fields).encode(read([ANSWER])).examples
    first, second, third = example.views["responses"]
    assert first.response == second.response == third.response
    assert [sum(each.learned or ()) for each in (first, second, third)] == [2, 1, 2]
    assert example.fields == {"relevance": [0, 2, 1], "positions": [1, 2, 3]}
    batch = collate([example])
    assert batch.work == len(first.prompt) + len(first.response), "the answer stands once"


def test_the_likelihood_of_an_item_is_that_of_its_tokens_in_the_whole_answer() -> None:
    model = tiny_model("llama").eval()
    wanted = build("irpo").requirements
    (example,) = Encoder(renderer(), wanted.views, wanted.fields).encode(read([ANSWER])).examples
    sequences = example.views["responses"]
    scorer = CausalScorer(model)
    found = scorer.score_batch(scorer.collate([example]), NoReference(), build("nll").requirements.needs)["responses"]
    text = torch.tensor([[*sequences[0].prompt, *sequences[0].response]])
    logps = model(text).logits.log_softmax(-1)[0, :-1].gather(-1, text[0, 1:, None]).squeeze(-1)
    own = logps[len(sequences[0].prompt) - 1 :]
    for row, sequence in enumerate(sequences):
        expected = sum(own[place] for place in sequence.learned_places)
        torch.testing.assert_close(found.logp[row], expected)


def test_irpo_trains_on_answers_with_items(tmp_path: Path) -> None:
    other = {**ANSWER, "items": ["hat", "red car"], "relevance": [1, 0]}
    model = str(model_folder(tmp_path / "model"))
    penchant.train(model, [ANSWER, other, ANSWER], "irpo", tmp_path / "run", **RUN)
    told = losses(tmp_path / "run")
    assert len(told) == 3 and told[-1] < told[0]


TREE = {
    "prompt": "which colour",
    "nodes": [
        {"id": 1, "parent": None, "text": "red car"},
        {"id": 2, "parent": 1, "text": "and hat", "value": 1.0},
        {"id": 3, "parent": 1, "text": "and cup is", "value": -0.5},
        {"id": 4, "parent": None, "text": "hat", "value": -1.0},
    ],
}


def test_trajectories_of_a_tree_share_their_beginning_and_know_their_steps() -> None:
    wanted = build("tpo-tree").requirements
    (example,) = Encoder(renderer(), wanted.views, wanted.fields).encode(read([TREE])).examples
    assert example.fields["scores"] == (1.0, -0.5, -1.0) or example.fields["scores"] == [1.0, -0.5, -1.0]
    # Two words of the first step, two or three of the second, and the end token.
    assert example.fields["step_index"] == [[1, 1, 2, 2, 2], [1, 1, 2, 2, 2, 2], [1, 1]]
    # which colour | red car and | hat </s> | cup is </s> | hat </s>
    assert collate([example]).work == 2 + 3 + 2 + 3 + 2


def test_tree_preference_trains_on_trees(tmp_path: Path) -> None:
    model = str(model_folder(tmp_path / "model"))
    penchant.train(model, [TREE, {**TREE, "prompt": "a cup"}, TREE], "tpo-tree", tmp_path / "run", **RUN)
    told = losses(tmp_path / "run")
    assert len(told) == 3 and told[-1] < told[0]


def test_steps_follow_what_truncation_left() -> None:
    wanted = build("tpo-tree").requirements
    encoder = Encoder(renderer(), wanted.views, wanted.fields, Truncation(5, "response_right"))
    (example,) = encoder.encode(read([TREE])).examples
    assert example.fields["step_index"] == [[1, 1, 2], [1, 1, 2], [1, 1]]
