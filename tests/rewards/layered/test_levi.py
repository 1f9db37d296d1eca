"""LEVI: what its heads compute, what stays frozen, its folder, and the judge that reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.cli.app import main
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.reading import read
from penchant.rendering.renderer import Renderer
from penchant.rewards.folders import judge_of_folder
from penchant.rewards.layered.features import LayeredFeatures, Read, chosen_layers
from penchant.rewards.layered.fitting import LayeredSettings, fit_labels, fit_pairs
from penchant.rewards.layered.folder import load_layered
from penchant.rewards.layered.judge import Levi
from penchant.rewards.layered.network import LayeredEnsemble
from penchant.rewards.layered.training import train_layered
from small_runs import both_sides, model_folder, pairs, word_tokenizer, write_pairs

QUICK = LayeredSettings(small=8, hidden=8, epochs=20, learning_rate=1e-2, batch_size=8)


def some(count: int = 6, layers: int = 2) -> Read:
    draw = torch.Generator().manual_seed(count)
    ids = torch.randint(1, 20, (count, 7), generator=draw)
    lengths = torch.randint(3, 8, (count, 1), generator=draw)
    there = torch.arange(7)[None] < lengths
    own = there & (torch.arange(7)[None] >= 2)
    return Read(torch.randn(count, layers, 5, generator=draw), ids.masked_fill(~there, 0), own, there)


def test_states_of_a_layer_are_those_of_the_model_alone() -> None:
    network, renderer = tiny_model("llama"), Renderer(word_tokenizer())
    found = LayeredFeatures(network, renderer, [1, 2], batch_size=3).read(
        [row["prompt"] for row in pairs(4)], [[row["chosen"]] for row in pairs(4)]
    )
    for place, row in enumerate(pairs(4)):
        start, own = renderer.prompt_ids(row["prompt"]), renderer.sampled_ids(row["prompt"], row["chosen"])
        whole = torch.tensor([[*start, *own]])
        states = network.base_model(whole, output_hidden_states=True).hidden_states
        for layer in (1, 2):
            expected = states[layer][0, len(start) :].mean(0)
            torch.testing.assert_close(found.states[place, layer - 1], expected, atol=1e-5, rtol=1e-4)
        assert torch.equal(found.ids[place][found.there[place]], whole[0])
        assert torch.equal(found.ids[place][found.own[place]], torch.tensor(own))


def test_the_prediction_is_the_mean_of_the_heads() -> None:
    ensemble = LayeredEnsemble(2, 5, 20, small=4, hidden=3)
    read_ = some()
    torch.testing.assert_close(ensemble.scores(read_), ensemble(read_).mean(1))
    assert ensemble(read_).shape == (6, 2)


def test_the_small_model_sees_nothing_beyond_the_end_and_the_rest_of_the_batch() -> None:
    ensemble = LayeredEnsemble(2, 5, 20, small=4, hidden=3).eval()
    read_ = some()
    changed = Read(read_.states, read_.ids.masked_fill(~read_.there, 7), read_.own, read_.there)
    torch.testing.assert_close(ensemble.scores(changed), ensemble.scores(read_))
    torch.testing.assert_close(ensemble.scores(read_[torch.tensor([2])]), ensemble.scores(read_)[2:3])


def test_one_linear_head_without_the_small_model_is_a_linear_probe() -> None:
    read_ = some(40, layers=1)
    labels = (read_.states[:, 0, 0] > 0).float()
    fitted = fit_labels(read_, labels, 20, LayeredSettings(small=0, hidden=0, epochs=300, learning_rate=0.05))
    assert fitted.small is None and sum(each.numel() for each in fitted.parameters()) == 5 + 1
    [head] = fitted.heads
    standard = (read_.states[:, 0] - fitted.mean[0]) / fitted.scale[0]
    torch.testing.assert_close(fitted.scores(read_), head(standard)[:, 0].detach())
    assert (((fitted.scores(read_) > 0) == (labels > 0.5)).float().mean()) > 0.95


def test_losses_of_the_heads_are_summed_so_each_learns_as_if_alone() -> None:
    chosen, rejected = some(24), some(25)[torch.arange(24)]
    both = fit_pairs(chosen, rejected, 20, LayeredSettings(small=0, hidden=0, epochs=5, batch_size=24))
    # Without the small model the heads share nothing: a head alone, from the same start, becomes the same.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        start = LayeredEnsemble(2, 5, 20, 0, 0)
    alone = torch.nn.Linear(5, 1)
    alone.load_state_dict(start.heads[1].state_dict())
    states = torch.cat([chosen.states, rejected.states])[:, 1]
    standard = (states - both.mean[1]) / both.scale[1]
    optimizer = torch.optim.AdamW(alone.parameters(), lr=1e-3, weight_decay=0.01)
    for _step in range(5):
        optimizer.zero_grad()
        gap = alone(standard[:24]) - alone(standard[24:])
        (-torch.nn.functional.logsigmoid(gap).mean()).backward()
        optimizer.step()
    torch.testing.assert_close(both.heads[1].weight, alone.weight, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["comparisons", "judgements"])
def test_it_is_trained_saved_and_judges_the_same(kind: str, tmp_path: Path) -> None:
    model = str(model_folder(tmp_path / "model"))
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    rows = pairs(24) if kind == "comparisons" else both_sides(pairs(24))
    records = list(read(rows))
    found = train_layered(model, records[:18], {"held-out": records[18:]}, QUICK, layers=[1, 2])
    assert found.measured["training"].accuracy > 0.9
    assert set(found.measured["held-out"].heads) == {1, 2}
    assert 0 <= found.measured["held-out"].probe <= 1
    found.layered.save(tmp_path / "levi")
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before
    again = train_layered(model, records[:18], {}, QUICK, layers=[1, 2])
    saved, repeated = found.layered.ensemble.state_dict(), again.layered.ensemble.state_dict()
    assert all(torch.equal(each, repeated[name]) for name, each in saved.items())
    settings = judge_of_folder(tmp_path / "levi")
    assert settings == {"name": "levi", "folder": str(tmp_path / "levi")}
    judge, prompts = Levi(folder=str(tmp_path / "levi")), [each["prompt"] for each in pairs(3)]
    responses = [[each["chosen"], each["rejected"]] for each in pairs(3)]
    together = judge.score_all(prompts, responses)
    for prompt, own, scores in zip(prompts, responses, together, strict=True):
        assert judge.score(prompt, own) == pytest.approx(scores, abs=1e-5)
        assert scores[0] > scores[1]
        chance = float(judge.compare(prompt, own)[0, 1])
        assert chance == pytest.approx(1 / (1 + 2.718281828 ** (scores[1] - scores[0])), abs=1e-5)
    assert judge.score_all(["a"], [[]]) == [[]]
    assert judge.identity() == Levi(folder=str(tmp_path / "levi")).identity()


def test_default_layers_are_evenly_spaced_and_the_last_is_one() -> None:
    assert chosen_layers(None, 2) == (1, 2)
    assert chosen_layers(None, 12) == (3, 6, 9, 12)
    assert chosen_layers([5, 2], 6) == (2, 5)


@pytest.mark.parametrize("layers", [[], [0], [3], [1, 1]])
def test_layers_that_are_not_there_are_refused(layers: list[int]) -> None:
    with pytest.raises(ConfigurationError, match="from 1 to 2"):
        chosen_layers(layers, 2)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"small": 3}, "small is 3, expected an even width"),
        ({"hidden": -1}, "hidden is -1"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        fit_labels(some(), torch.ones(6), 20, LayeredSettings(**changed))


def test_what_is_no_ensemble_and_mixed_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no ensemble of LEVI"):
        load_layered(tmp_path)
    mixed = [*read(pairs(2)), *read(both_sides(pairs(1)))]
    for rows in (mixed, list(read([{"prompt": "a", "response": "b"}]))):
        with pytest.raises(DataError, match="comparisons alone, or on judgements alone"):
            train_layered("model", rows, {})
    with pytest.raises(DataError, match="no records to train on"):
        train_layered("model", [], {})


def test_it_is_trained_and_used_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = model_folder(tmp_path / "model"), write_pairs(tmp_path / "pairs.jsonl")
    words = ["levi", "--data", str(data), "--model", str(model), "--out", str(tmp_path / "head"), "--held-out", "0.25"]
    figures = tmp_path / "figures.json"
    assert main([*words, "--other-data", str(data), "--epochs", "1", "--json", str(figures)]) == 0
    assert "elsewhere: accuracy" in capsys.readouterr().out
    assert json.loads(figures.read_text())["elsewhere: records"] == 12
    assert main(words) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--layers", "a"]) == 1
    assert "--layers 2,4,6" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--layers", "9"]) == 1
    assert "from 1 to 2" in capsys.readouterr().err
    judged = ["judge", str(data), "--judge", str(tmp_path / "head"), "--out", str(tmp_path / "judged.jsonl")]
    assert main(judged) == 0
