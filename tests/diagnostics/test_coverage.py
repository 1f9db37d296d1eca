"""Coverage: exact on distributions that can be enumerated, and figures of the command."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from families import tiny_model
from penchant.cli.app import main
from penchant.diagnostics.coverage import coverage_figures, effective_sample_size, sampled_log_ratios
from penchant.diagnostics.findings import Findings
from small_runs import model_folder, pairs, word_tokenizer, write_pairs


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=20), st.floats(-50, 50))
def test_the_effective_size_is_between_one_and_all_and_ignores_the_scale(ratios: list[float], shift: float) -> None:
    values = torch.tensor(ratios, dtype=torch.float64)
    size = effective_sample_size(values)
    assert 1 - 1e-9 <= size <= len(ratios) + 1e-9
    assert effective_sample_size(values + shift) == pytest.approx(size)
    weights = values.exp()
    assert size == pytest.approx(float(weights.sum() ** 2 / weights.square().sum()))


def test_figures_of_a_known_distribution() -> None:
    policy, reference = torch.tensor([0.7, 0.2, 0.1]).log(), torch.tensor([0.1, 0.4, 0.5]).log()
    drawn = torch.multinomial(policy.exp(), 20_000, replacement=True, generator=torch.Generator().manual_seed(0))
    found = coverage_figures((policy - reference)[:2], (policy - reference)[drawn])
    exact = float((policy.exp() * (policy - reference)).sum())
    assert abs(found["coverage/reverse_kl"] - exact) < 4 * found["coverage/reverse_kl_error"]
    assert found["coverage/sampled_largest"] == pytest.approx(math.log(7)) == found["coverage/data_largest"]
    assert "coverage/reverse_kl" not in coverage_figures(torch.zeros(2))
    assert all(Findings(1, found).meaning(name) for name in found)


def test_samples_of_the_same_model_have_no_divergence() -> None:
    model = tiny_model("llama", seed=3).eval()
    ratios = sampled_log_ratios(model, model, word_tokenizer(), [[3, 5], [3]], [2], longest=6)
    assert ratios.tolist() == pytest.approx([0.0] * len(ratios), abs=1e-5) and len(ratios) == 2


def test_the_command_prints_and_draws_coverage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model_folder(tmp_path / "reference")
    tiny_model("llama", seed=7).save_pretrained(tmp_path / "model")
    word_tokenizer().save_pretrained(tmp_path / "model")
    data = write_pairs(tmp_path / "pairs.jsonl", pairs(6))
    line = ["diagnose", "--model", str(tmp_path / "model"), "--reference", str(tmp_path / "reference")]
    out, page = tmp_path / "found.json", tmp_path / "page.html"
    assert main([*line, "--data", str(data), "--coverage", "4", "--json", str(out), "--html", str(page)]) == 0
    figures = json.loads(out.read_text())["figures"]
    assert figures["coverage/reverse_kl"] > 0 and 0 < figures["coverage/data_effective"] <= 1
    assert "coverage/reverse_kl" in capsys.readouterr().out and "Coverage: beyond" in page.read_text()
