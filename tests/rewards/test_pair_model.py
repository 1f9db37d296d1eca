"""The pair model: both orders, scores of candidates, letters and heads, and the data that teach it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

import penchant
from penchant.curation.pair_judge import PairJudge
from penchant.errors import ConfigurationError, ModelError
from penchant.feedback import read
from penchant.objectives.functional.joint_pairs import JOINT_LOSSES, win_table_scores
from penchant.rewards import build_judge
from penchant.rewards.joint_text import joint_text
from penchant.rewards.pair_model import PairModel
from small_runs import model_folder, pairs, word_tokenizer


def classifier(outputs: int, **further: Any) -> Any:
    torch.manual_seed(3)
    tokenizer = word_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_labels=outputs, **{"max_position_embeddings": 64, **further},
    )  # fmt: skip
    return PairModel(LlamaForSequenceClassification(config), tokenizer, batch_size=2)


def lettered(path: Path, **further: Any) -> str:
    """A tiny model whose vocabulary has the letters and words that judges answer with."""
    model_folder(path, **{"max_position_embeddings": 64, **further})
    tokenizer = word_tokenizer()
    tokenizer.add_tokens(["A", "B", "Yes", "No"])
    tokenizer.save_pretrained(path)
    return str(path)


@pytest.mark.parametrize("outputs", [1, 2, 0])
def test_preferences_are_the_mean_of_both_orders(outputs: int, tmp_path: Path) -> None:
    made = classifier(outputs) if outputs else PairModel(lettered(tmp_path / "m"))
    responses = ["the car is red", "blue", "the sky"]
    table = made.compare("which colour", responses)
    assert torch.allclose(table + table.T, torch.ones(3, 3, dtype=torch.float64))
    shown = made.first_wins(["which colour"] * 2, [(responses[0], responses[1]), (responses[1], responses[0])])
    assert table[0, 1] == pytest.approx((shown[0] + 1 - shown[1]) / 2, abs=1e-6) and shown[0] != 1 - shown[1]
    assert sum(made.score("which colour", responses)) == pytest.approx(0, abs=1e-5)
    assert made.score("which colour", ["red"]) == [0.0]


@pytest.mark.parametrize("outputs", [1, 2, 0])
def test_of_eight_candidates_the_prompt_is_read_once_a_pass(outputs: int, tmp_path: Path) -> None:
    sizes = {"max_position_embeddings": 128, "initializer_range": 0.3}  # smaller weights find all pairs even
    made = classifier(outputs, **sizes) if outputs else PairModel(lettered(tmp_path / "m", **sizes))
    prompt = "which colour is the car " * 6
    responses = [f"{each} {other}" for each in ("red", "blue", "the", "is") for other in ("sky", "car")]
    read: list[int] = []
    embeddings = made.network.get_input_embeddings()
    embeddings.register_forward_hook(lambda _module, given, _found: read.append(given[0].numel()))
    tables, tokens = [], []
    for made.batch_size in (1, 56):
        made.compare(prompt, responses[:2])  # what the model can take is tried with a pass or two
        read.clear()
        tables.append(made.compare(prompt, responses))
        tokens.append(sum(read))
    assert torch.allclose(*tables, atol=1e-5) and tables[0].std() > 1e-4
    ids = [made.renderer.prompt_ids(joint_text(prompt, *two)) for two in itertools.permutations(responses, 2)]
    assert tokens[0] >= sum(map(len, ids)) and tokens[1] < 0.4 * tokens[0]


def test_a_letter_is_as_likely_as_the_model_says(tmp_path: Path) -> None:
    made = PairModel(lettered(tmp_path / "m"))
    ids = made.renderer.prompt_ids(joint_text("which", "red", "blue"))
    letters = [made.renderer.sampled_ids(joint_text("which", "red", "blue"), each)[0] for each in "AB"]
    with torch.no_grad():
        logits = made.network(torch.tensor([ids])).logits[0, -1].double()
    expected = torch.sigmoid(logits[letters[0]] - logits[letters[1]])
    assert made.first_wins(["which"], [("red", "blue")])[0] == pytest.approx(float(expected), abs=1e-5)


def test_a_vocabulary_without_the_letters_is_an_error(tmp_path: Path) -> None:
    folder = str(model_folder(tmp_path / "m", max_position_embeddings=64))
    with pytest.raises(ModelError, match="'A' and 'B' as the same tokens"):
        PairModel(folder).compare("which", ["red", "blue"])


def test_a_local_language_model_judges_by_the_probabilities_of_two_words(tmp_path: Path) -> None:
    folder = lettered(tmp_path / "m")
    question = tmp_path / "q.txt"
    question.write_text("{prompt} {response} is good")
    settings = {"name": "local_llm", "model": folder, "by": "probabilities", "prompt": str(question)}
    made = build_judge({**settings, "role": "pointwise"})
    assert made is not None
    [score] = made.score("which", ["red"])
    model, renderer = made.answerer.network, made.answerer.renderer  # type: ignore[attr-defined]
    text = "which red is good\n\n"
    with torch.no_grad():
        logits = model(torch.tensor([renderer.prompt_ids(text)])).logits[0, -1].double()
    yes, no = (renderer.sampled_ids(text, each)[0] for each in ("Yes", "No"))
    assert score == pytest.approx(float(logits[yes] - logits[no]), abs=1e-5)
    scores = made.score("which", ["red", "blue"])
    expected = torch.sigmoid(torch.tensor(scores[0] - scores[1], dtype=torch.float64))
    assert made.compare("which", ["red", "blue"])[0, 1] == pytest.approx(float(expected))
    with pytest.raises(ConfigurationError, match=r"leaves no room for 4 more within the \d+"):
        made.score("which", ["red " * 140])
    skipping = build_judge({**settings, "role": "pointwise", "too_long": "skip"})
    assert skipping is not None
    short, long = skipping.score("which", ["red", "red " * 140])
    assert short == pytest.approx(score) and math.isnan(long)


def test_a_local_language_model_writes_its_verdicts(tmp_path: Path) -> None:
    made = build_judge({"name": "local_llm", "model": lettered(tmp_path / "m"), "max_new_tokens": 4})
    assert made is not None
    made.answerer.limit = None  # type: ignore[attr-defined]
    table = made.compare("which", ["red", "blue"])
    assert bool(table[0, 1].isnan()), "random words are no verdict"


def test_wrong_outputs_and_long_texts_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has 3 outputs, expected 1"):
        classifier(3)
    with pytest.raises(ConfigurationError, match="more than the 64 positions"):
        classifier(1).compare("which colour", ["red " * 60, "blue"])


def test_the_builder_writes_both_orders(tmp_path: Path) -> None:
    built = PairJudge().build(read([{"prompt": "Hi", "chosen": "Hello", "rejected": "What"}]))
    assert built.rows == [
        {"prompt": joint_text("Hi", "Hello", "What"), "completion": "A"},
        {"prompt": joint_text("Hi", "What", "Hello"), "completion": "B"},
    ]
    one = PairJudge(both_orders=False).build(read([{"prompt": "Hi", "chosen": "a", "rejected": "b"}] * 2))
    assert [each["completion"] for each in one.rows] == ["A", "B"]


@pytest.mark.parametrize("kind", JOINT_LOSSES)
def test_losses_do_not_depend_on_which_response_is_called_the_left_one(kind: str) -> None:
    torch.manual_seed(0)
    left, right, quality, other = torch.randn(4, 5, 2)
    labels = ((quality > 0).float(), (other > 0).float()) if kind == "open_instruct_BCE" else (quality, other)
    turned = JOINT_LOSSES[kind](right, left, *labels[::-1])
    assert torch.allclose(JOINT_LOSSES[kind](left, right, *labels), turned)


def test_equal_scores_and_ties() -> None:
    zero, one = torch.zeros(1), torch.ones(1)
    assert JOINT_LOSSES["instructgpt"](zero, zero, one, zero).item() == pytest.approx(torch.tensor(2.0).log().item())
    tie = JOINT_LOSSES["BCE"](one, zero, zero, zero)
    assert tie.item() == pytest.approx(0.5 * (torch.log1p(one.exp()) + torch.log(torch.tensor(2.0))).item())
    cyclic = torch.tensor([[0.0, 2, -2], [-2, 0, 2], [2, -2, 0]])
    assert win_table_scores(cyclic).tolist() == [0, 0, 0] and win_table_scores(cyclic, by_wins=True).tolist() == [1] * 3


@pytest.mark.long
def test_a_model_trained_on_the_letters_prefers_what_was_preferred(tmp_path: Path) -> None:
    rows = PairJudge().build(read(pairs(12))).rows
    trained = penchant.train(
        model=lettered(tmp_path / "m"), data=rows, objective="nll",
        output=tmp_path / "run", epochs=60, batch_size=8, learning_rate=1e-2, samples=0,
    )  # fmt: skip
    judge = build_judge({"name": "pair_model", "model": str(trained.folder / "model")})
    assert judge is not None
    right = [float(judge.compare(each["prompt"], [each["chosen"], each["rejected"]])[0, 1]) for each in pairs(12)]
    assert sum(right) / len(right) > 0.8
