"""The probability that a prompt is of a desirable record, and its way into BCO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penchant
from penchant.curation.density_ratio import DensityRatio, density_ratio, fitted_probabilities
from penchant.curation.prompt_embeddings import hidden_states, word_vectors
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.views.view import how_to_make
from penchant.likelihood import load_model
from penchant.rendering import Renderer, load_tokenizer
from small_runs import COLOURS, THINGS, losses, model_folder


def judged(count: int = 24, share: float = 0.9) -> list[dict[str, Any]]:
    """Cars are liked and hats are not, up to a share of them the other way round."""
    rows = []
    for number in range(count):
        liked = number % 2 == 0
        usual = number < share * count
        thing = "car" if liked == usual else "hat"
        prompt = f"which {COLOURS[number % 6]} {thing} is {THINGS[number % 4]}"
        rows.append({"prompt": prompt, "completion": f" the {THINGS[number % 5]}", "label": liked})
    return rows


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "llama")


@pytest.mark.parametrize("by_model", [False, True], ids=["words", "hidden states"])
def test_prompts_like_those_of_desirable_records_get_the_larger_probability(by_model: bool, model: Path) -> None:
    built = density_ratio(read(judged()), model=str(model) if by_model else None)
    cars = [row["prob_desirable"] for row in built.rows if "car" in row["prompt"]]
    hats = [row["prob_desirable"] for row in built.rows if "hat" in row["prompt"]]
    assert np.mean(cars) > 0.5 > np.mean(hats)
    assert built.counts["AUC of the classifier on other prompts, percent"] > 50


def test_alike_prompts_of_both_classes_are_even_whatever_their_numbers() -> None:
    rows = [{"prompt": "which car", "completion": " the", "label": number == 0 or number == 5} for number in range(9)]
    probabilities = {row["prob_desirable"] for row in density_ratio(read(rows)).rows}
    assert len(probabilities) == 1 and probabilities.pop() == pytest.approx(0.5, abs=1e-3)


def test_hidden_states_are_means_over_the_prompts_own_tokens(model: Path) -> None:
    prompts = ["which car", "which very old hat is the good hat", "the"]
    found = hidden_states(str(model), prompts, batch_size=2)
    network, renderer = load_model(model), Renderer(load_tokenizer(model))
    for prompt, vector in zip(prompts, found, strict=True):
        ids = torch.tensor([renderer.prompt_ids(prompt)])
        alone = network(input_ids=ids, output_hidden_states=True).hidden_states[-1][0].mean(0)
        assert vector == pytest.approx(alone.double().detach().numpy(), abs=1e-5)
    short = hidden_states(str(model), prompts[1:2], max_length=2)
    assert short[0] == pytest.approx(hidden_states(network, ["good hat"], tokenizer=renderer.tokenizer)[0], abs=2.0)


def test_a_sample_bounds_what_the_classifier_reads() -> None:
    vectors = np.array([[0.0], [1.0]] * 30)
    places, labels = list(range(60)), [number % 2 == 0 for number in range(60)]
    few, _ = fitted_probabilities(vectors, places, labels, 3, seed=0)
    all_, area = fitted_probabilities(vectors, places, labels, 100, seed=0)
    assert few[0] < all_[0] and area == 1.0  # six records against a penalty, and sixty
    assert few == fitted_probabilities(vectors, places, labels, 3, seed=0)[0]


def test_words_of_one_sign_are_told_apart_and_one_prompt_has_no_dimensions_to_reduce() -> None:
    assert word_vectors(["2 + 2", "2 - 2"], 8).shape[0] == 2
    assert word_vectors(["only"], 8).shape == (1, 1)


def test_both_classes_and_judgements_are_needed() -> None:
    with pytest.raises(DataError, match="3 desirable and 0 undesirable records; both classes need two"):
        density_ratio(read([{"prompt": "a", "completion": "b", "label": True}] * 3))
    with pytest.raises(DataError, match="density-ratio needs judgements, but this is a record of kind 'comparison'"):
        density_ratio(read([{"prompt": "a", "chosen": "b", "rejected": "c"}]))
    assert "penchant data build density-ratio" in (how_to_make("prob_desirable") or "")


def test_built_rows_train_bco_with_other_weights(model: Path, tmp_path: Path) -> None:
    rows = judged(16)
    built = DensityRatio().build(read(rows)).rows
    recipe = {"batch_size": 4, "max_steps": 3, "learning_rate": 1e-3, "samples": 0, "warmup": 0.0}
    with_, without = (
        penchant.train(model, data, "bco", tmp_path / name, **recipe).folder
        for name, data in (("with", built), ("without", rows))
    )
    assert losses(with_) != losses(without)
    kept = DensityRatio().build(read([{**row, "prob_desirable": 0.5} for row in rows])).rows
    assert {row["prob_desirable"] for row in kept} == {0.5}
