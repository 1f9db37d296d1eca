"""The quickstart's plan, in miniature: every step, what it leaves behind, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.errors import OutputError
from penchant.lab.policies import answer, compare_policies
from penchant.lab.worlds.language import build_tokenizer, tiny_model, true_reward
from penchant.lab.worlds.quickstart.world import STEPS, Plan, run_quickstart

MINIATURE = Plan(
    demonstrations=48, base_epochs=1, prompts=16, align_epochs=1, held_out_pairs=0.3, judged=6, max_new_tokens=60
)


def test_a_policy_compared_with_itself_has_no_divergence() -> None:
    tokenizer = build_tokenizer()
    model = tiny_model(tokenizer, seed=0, hidden=32, layers=1)
    found = compare_policies(
        model, model, tokenizer, ["review of the kettle:"] * 20, reward=true_reward, max_new_tokens=6, seed=0
    )
    assert found.kl.value == pytest.approx(0.0, abs=1e-5)
    assert found.wins.low < 0.5 < found.wins.high
    assert len(found.samples) == 20


def test_answers_are_seeded_and_know_whether_they_ended() -> None:
    tokenizer = build_tokenizer()
    model = tiny_model(tokenizer, seed=0, hidden=32, layers=1)
    first, again = (
        answer(model, tokenizer, ["review of the hat:"], samples=8, max_new_tokens=40, seed=3) for _ in range(2)
    )
    assert first == again and len(first[0]) == 8
    assert all(given.finished == (given.ids[-1] == tokenizer.eos_token_id) for given in first[0])


def test_the_whole_quickstart_in_miniature(tmp_path: Path) -> None:
    said: list[str] = []
    outcome = run_quickstart(tmp_path / "quickstart", seed=0, plan=MINIATURE, say=said.append)
    assert [line for line in said if line in STEPS] == list(STEPS)
    summary = json.loads((outcome.aligned / "summary.json").read_text())
    assert {"true_reward", "win_rate", "kl"} <= summary["after"].keys() & summary["intervals"].keys()
    samples = json.loads((outcome.aligned / "samples.json").read_text())
    assert samples and all(-1 <= sample["reward_after"] <= 1 for sample in samples)
    assert outcome.report.is_file() and "True reward" in outcome.report.read_text()
    with pytest.raises(OutputError, match="--overwrite"):
        run_quickstart(tmp_path / "quickstart", plan=MINIATURE)
