"""Projected hidden states: found, saved, loaded, continued with a second forget set, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.forest.build import build_forest
from penchant.forest.layout import TokenSequence
from penchant.likelihood.inside.layers import recorded
from penchant.likelihood.loading import load_model
from penchant.likelihood.projected.layers import projections
from penchant.training import Result
from penchant.training.parameters.mrp import usual_layers
from penchant.training.parameters.projection import row_basis
from small_runs import losses, stopped_after, word_tokenizer
from training.parameters.conftest import facts

Train = Callable[..., Result]
MRP = {"name": "mrp", "rank": 2, "layers": [0, 1]}


@pytest.fixture
def recipe(unlearning: dict[str, Any]) -> dict[str, Any]:
    """The published objective."""
    objective = "gradient-ascent + 1.2 * retain-nll"
    return {**unlearning, "objective": objective, "parameters": MRP, "learning_rate": 0.05, "batch_size": 2}


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(torch.arange(4, 16)[None]).logits
    return found


def saved_weights(run: Path) -> dict[str, Tensor]:
    named = load_file(run / "model" / "model.safetensors")
    assert all(name.startswith("projected.") for name in named)
    return {name.removeprefix("projected."): value for name, value in named.items()}


def test_directions_alone_are_trained_and_hidden_states_lose_them(
    recipe: dict[str, Any], train: Train, folder: Path
) -> None:
    run = train(**recipe, max_steps=8)
    start, end = load_file(folder / "model.safetensors"), saved_weights(run.folder)
    assert all(torch.equal(end[name], value) for name, value in start.items())
    assert run.summary["trained_parameters"] == sum(each.directions.numel() for each in projections(run.model).values())
    assert run.summary["projected"] == {"model.layers.0": 2, "model.layers.1": 2}
    first = torch.load(run.folder / "parameters.pt", weights_only=True)["directions"]
    with recorded(run.model, ["0", "1"]) as found:
        logits(run.model)
    for (path, part), hidden in zip(projections(run.model).items(), found.values(), strict=True):
        basis = row_basis(part.every.detach())
        assert (hidden @ basis.T).abs().max() < 1e-5
        assert not torch.allclose(part.directions, first[path]), "the directions were not trained"
    before, after = run.summary["before"], run.summary["after"]
    assert after["nll/forget"] - after["nll/retain"] > before["nll/forget"] - before["nll/retain"]


def test_the_saved_model_computes_what_the_model_in_memory_computes(recipe: dict[str, Any], train: Train) -> None:
    run = train(**recipe)
    expected = logits(run.model)
    folder = run.folder / "model"
    assert torch.equal(logits(load_model(folder)), expected)
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).eval()
    assert torch.equal(logits(theirs), expected)
    # Saved once more, by transformers itself.
    theirs.save_pretrained(folder.parent / "again")
    assert torch.equal(logits(load_model(folder.parent / "again")), expected)


def test_transformers_without_the_code_refuses(
    recipe: dict[str, Any], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr("builtins.input", lambda *_given: "n")
    run = train(**recipe)
    with pytest.raises(ValueError, match="trust_remote_code"):
        AutoModelForCausalLM.from_pretrained(run.folder / "model")
    for file in (*(run.folder / "checkpoints").glob("*/config.json"), run.folder / "model" / "config.json"):
        assert json.loads(file.read_text())["model_type"] == "penchant-projected"


def test_every_way_to_a_model_loads_it_projected(recipe: dict[str, Any], train: Train) -> None:
    from penchant.likelihood.forest_scorer import ForestScorer

    run = train(**recipe)
    forest = build_forest([TokenSequence([1, 5, 6], [7, 8, 2]), TokenSequence([1, 5, 6], [9, 2])])
    ours, loaded = ForestScorer(run.model), ForestScorer(load_model(run.folder / "model"))
    assert torch.equal(ours.score(forest)["logps"], loaded.score(forest)["logps"])
    given = torch.arange(4, 10)[None]
    ends = [each.core.generate(given, max_new_tokens=5, do_sample=False).tolist() for each in (ours, loaded)]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("start", ["forget-residual", "official", "random"])
def test_a_run_goes_on_exactly(
    start: str,
    kind: dict[str, Any],
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = {**kind, "parameters": {**MRP, "start": start}, "max_steps": 4, "save_every": 2, "learning_rate": 0.05}
    whole = train("whole", **recipe)
    stopped_after(3, partial(train, "stopped", **recipe), monkeypatch)
    train("stopped", **recipe, resume=True)
    assert losses(tmp_path / "stopped") == losses(whole.folder)
    ends = [saved_weights(run) for run in (whole.folder, tmp_path / "stopped")]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_a_second_forget_set_adds_directions_and_leaves_the_first_ones(recipe: dict[str, Any], train: Train) -> None:
    first = train("first", **recipe)
    data = {"forget": facts("rejected", 6, 9), "retain": facts("chosen", 0, 6)}
    again = {**recipe, "data": data, "parameters": {**MRP, "rank": 1}}
    second = train("second", **again, model=first.folder / "model")
    earlier, later = projections(first.model), projections(load_model(second.folder / "model"))
    for path, part in later.items():
        assert part.every.shape[0] == 3
        assert torch.equal(part.every[:2], earlier[path].every)
    # NPO's reference is the model after the first task, projected.
    third = train("third", **{**again, "objective": "npo-retain"}, model=first.folder / "model")
    assert third.summary["before"]["kl"] == pytest.approx(0.0, abs=1e-6)


def test_a_projected_model_is_trained_on_as_any_model(recipe: dict[str, Any], train: Train, tmp_path: Path) -> None:
    first = train("first", **recipe)
    tuned = train("tuned", model=first.folder / "model", objective="dpo", save_every=1)
    again = train("tuned", model=first.folder / "model", objective="dpo", save_every=1, resume=True)
    assert torch.equal(logits(tuned.model), logits(again.model))
    loaded = load_model(tuned.folder / "model")
    assert torch.equal(logits(loaded), logits(tuned.model))
    for path, part in projections(loaded).items():
        assert torch.equal(part.every, projections(first.model)[path].every)
    adapted = train("adapted", model=first.folder / "model", objective="dpo", lora={"rank": 2})
    assert torch.equal(logits(load_model(adapted.folder / "model")), logits(adapted.model))


def test_kept_weights_and_loadable_checkpoints_are_projected(recipe: dict[str, Any], train: Train) -> None:
    run = train(**recipe, checkpoints="weights", save_every=1, keep="best", eval_every=1)
    last = max((run.folder / "checkpoints").iterdir())
    assert projections(load_model(last))
    assert torch.equal(logits(load_model(run.folder / "model")), logits(run.model))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"rank": 65}, r"65 directions would be projected out of model\.layers\.0, .* have 32 dimensions"),
        ({"rank": 0}, r"'rank' is 0"),
        ({"layers": [7]}, r"There is no layer 7"),
        ({"start": "zero"}, r"'start' is 'zero'"),
    ],
)
def test_what_cannot_be_projected_is_refused(
    changed: dict[str, Any], told: str, recipe: dict[str, Any], train: Train
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        train(**{**recipe, "parameters": {**MRP, **changed}})


def test_an_adapter_is_refused_new_or_known(recipe: dict[str, Any], train: Train, folder: Path) -> None:
    from peft import LoraConfig, get_peft_model

    for changed in ({"lora": {"rank": 2}}, {"adapter": "continue"}):
        with pytest.raises(ConfigurationError, match="mrp does not work where an adapter is trained") as told:
            train(**{**recipe, **changed})
        assert "Remove lora and adapter, or remove parameters" in str(told.value)
    model = get_peft_model(load_model(folder), LoraConfig(r=2, target_modules=["q_proj"]))
    with pytest.raises(ConfigurationError, match=r"mrp does not work where the model has an adapter\.") as told:
        train(**recipe, model=model, tokenizer=word_tokenizer())
    assert "Merge the adapter into its base first" in str(told.value)


def test_earlier_directions_count_for_the_width(recipe: dict[str, Any], train: Train) -> None:
    first = train("first", **{**recipe, "parameters": {**MRP, "rank": 20}})
    with pytest.raises(ConfigurationError, match=r"40 directions .* \(20 of them by earlier tasks\)"):
        train("second", **{**recipe, "parameters": {**MRP, "rank": 20}}, model=first.folder / "model")


def test_weights_without_the_directions_are_refused(recipe: dict[str, Any], train: Train) -> None:
    from safetensors.torch import save_file

    from penchant.errors import ModelError

    run = train(**recipe)
    file = run.folder / "model" / "model.safetensors"
    named = {name: each.clone() for name, each in load_file(file).items() if ".projection." not in name}
    save_file(named, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="the weights hold those of no layer"):
        load_model(run.folder / "model")


def test_the_usual_layers_are_in_the_second_half() -> None:
    assert [usual_layers(count) for count in (1, 2, 3, 4, 32)] == [[0], [1], [1, 2], [2, 3], [16, 24]]
