"""A head trained on a model's features, its folder, and the judge that reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from families import tiny_model
from penchant.cli.app import main
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.reading import read
from penchant.rendering.renderer import Renderer
from penchant.rewards.convex.features import FrozenFeatures
from penchant.rewards.convex.head import LINEAR_RIDGE, HeadSettings, fit_head, load_head
from penchant.rewards.convex.judge import Coala
from penchant.rewards.convex.preference import fit_output
from penchant.rewards.convex.training import split_by_prompt, train_head
from penchant.rewards.folders import judge_of_folder
from small_runs import model_folder, pairs, word_tokenizer, write_pairs


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_features_are_those_of_each_text_alone(pooling: str) -> None:
    network, renderer = tiny_model("llama"), Renderer(word_tokenizer())
    read_all = FrozenFeatures(network, renderer, pooling, batch_size=3)  # type: ignore[arg-type]
    rows = pairs(4)
    found = read_all([row["prompt"] for row in rows], [[row["chosen"], row["rejected"]] for row in rows])
    for row, table in zip(rows, found, strict=True):
        for side, each in zip(("chosen", "rejected"), table, strict=True):
            start, own = renderer.prompt_ids(row["prompt"]), renderer.sampled_ids(row["prompt"], row[side])
            states = network.base_model(torch.tensor([[*start, *own]]))[0][0, len(start) :].double()
            expected = states.mean(0) if pooling == "mean" else states[-1]
            torch.testing.assert_close(each, expected, atol=1e-5, rtol=1e-4)


def test_a_head_is_trained_saved_and_judges_the_same(tmp_path: Path) -> None:
    model = str(model_folder(tmp_path / "model"))
    records = list(read(str(write_pairs(tmp_path / "pairs.jsonl"))))
    found = train_head(model, records[:9], records[9:], HeadSettings(gates=4, iterations=30))
    assert found.head.facts["objective"] < found.head.facts["objective_at_zero"]
    assert found.accuracy > 0.5
    assert 0 <= found.held_out_accuracy <= 1  # type: ignore[operator]
    found.head.save(tmp_path / "head")
    again = train_head(model, records[:9], records[9:], HeadSettings(gates=4, iterations=30))
    assert torch.equal(again.head.network.out, found.head.network.out)
    settings = judge_of_folder(tmp_path / "head")
    assert settings == {"name": "coala", "head": str(tmp_path / "head")}
    judge = Coala(head=str(tmp_path / "head"))
    record = records[0]
    scores = judge.score(record.prompt, [record.chosen, record.rejected])
    table = judge.features([record.prompt], [[record.chosen, record.rejected]])[0]
    torch.testing.assert_close(torch.tensor(scores).double(), found.head.scores(table), atol=1e-5, rtol=1e-5)
    chance = judge.compare(record.prompt, [record.chosen, record.rejected])[0, 1]
    assert float(chance) == pytest.approx(1 / (1 + 2.718281828 ** (scores[1] - scores[0])), abs=1e-5)


def test_prompts_are_held_out_whole(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{n // 2}", "chosen": f"a{n}", "rejected": f"b{n}"} for n in range(20)]
    records = list(read(rows))
    own, held = split_by_prompt(records, 0.3, 0)
    assert len(held) == 6
    assert not {each.prompt for each in own} & {each.prompt for each in held}


def test_a_penalty_that_leaves_nothing_is_an_error() -> None:
    draws = torch.Generator().manual_seed(0)
    features = torch.randn(20, 3, generator=draws, dtype=torch.float64)
    labels = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(10)
    with pytest.raises(ConfigurationError, match="no neuron is left"):
        fit_head(features, labels, HeadSettings(penalty=1e6))
    with pytest.raises(ConfigurationError, match="ridge is 0"):
        fit_head(features, labels, HeadSettings(ridge=0.0))


def test_the_gates_of_a_linear_head_contain_it() -> None:
    """With them the training error of phase I is at most that of least squares, up to the penalty."""
    draws = torch.Generator().manual_seed(1)
    features = torch.randn(200, 5, generator=draws, dtype=torch.float64)
    labels = (features @ torch.tensor([1.0, -2.0, 0.5, 0.0, 1.0], dtype=torch.float64)).sign()
    settings = HeadSettings(gates=1, penalty=1e-4, iterations=2000)
    inputs = torch.cat([(features - features.mean(0)) / features.std(0, correction=0), torch.ones(200, 1)], 1).double()
    linear = fit_output(inputs, labels, ridge=LINEAR_RIDGE)
    scaled = (inputs @ linear)[:, None] * torch.linspace(0, 5, 200, dtype=torch.float64)
    least = float(0.5 * (scaled - labels[:, None]).square().sum(0).min())
    found = {each: fit_head(features, labels, replace(settings, linear_gates=each)) for each in (True, False)}
    assert found[True].facts["objective"] <= least + 0.1
    assert found[True].facts["objective"] < found[False].facts["objective"]
    right = [float((head.scores(features).sign() == labels).double().mean()) for head in found.values()]
    assert right[0] > 0.95 > right[1]


def test_the_penalty_follows_the_data() -> None:
    """Ten copies of the data have ten times the errors, so the default penalty is ten times as large."""
    draws = torch.Generator().manual_seed(0)
    features = torch.randn(40, 3, generator=draws, dtype=torch.float64)
    labels = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(20)
    settings = HeadSettings(iterations=5000)
    one, ten = (fit_head(features.repeat(n, 1), labels.repeat(n), settings) for n in (1, 10))
    assert ten.facts["penalty"] == pytest.approx(10 * one.facts["penalty"])
    assert ten.facts["objective"] == pytest.approx(10 * one.facts["objective"], rel=1e-3)


def test_what_is_no_head_and_no_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no head of COALA"):
        load_head(tmp_path)
    with pytest.raises(DataError, match="comparisons"):
        train_head("model", list(read([{"prompt": "a", "response": "b"}])))
    with pytest.raises(ConfigurationError, match="no pooling 'sum'"):
        FrozenFeatures(tiny_model("llama"), Renderer(word_tokenizer()), "sum")  # type: ignore[arg-type]


def test_a_head_is_trained_and_used_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = model_folder(tmp_path / "model"), write_pairs(tmp_path / "pairs.jsonl")
    words = ["--data", str(data), "--model", str(model), "--out", str(tmp_path / "head"), "--held-out", "0.25"]
    assert main(["coala", *words]) == 0
    assert "held-out accuracy" in capsys.readouterr().out
    assert main(["coala", *words]) == 1
    assert "--overwrite" in capsys.readouterr().err
    judged = ["judge", str(data), "--judge", f"coala,head={tmp_path}/head", "--out", str(tmp_path / "judged.jsonl")]
    assert main(judged) == 0
