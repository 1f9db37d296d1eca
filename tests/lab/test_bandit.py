"""The bandit study: its losses are those of the objectives, arms are independent, and the command prints both axes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.lab.worlds.bandit.algorithms import ALGORITHMS, Drawn
from penchant.lab.worlds.bandit.study import Study, run_bandit
from penchant.lab.worlds.bandit.world import build_bandit


def test_the_start_is_near_one_peak_and_far_from_the_other() -> None:
    near, far = build_bandit(0, peak="near"), build_bandit(0)
    assert torch.equal(near.reference, far.reference) and near.reference.shape == (100, 100)
    assert float(near.expected_reward(near.reference)) > 0.3 > 0.02 > float(far.expected_reward(far.reference))
    best = torch.full((100, 100), -1e9)
    best[:, 70] = 0.0
    assert float(far.expected_reward(best)) == pytest.approx(1.0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_without_a_negative_gradient_no_probability_is_pushed_down(algorithm: str) -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(4, 6, generator=generator).log_softmax(-1)
    reward = torch.rand(4, 6, generator=generator)
    slopes = {}
    for push in (False, True):
        logp = start.clone().requires_grad_()
        loss = ALGORITHMS[algorithm](Drawn(logp, start, start, reward, push)).mean()
        (slopes[push],) = torch.autograd.grad(loss, logp)
    worst = reward.argmin(-1, keepdim=True)
    assert bool((slopes[False] <= 1e-9).all()), "descent only raises"
    assert bool((slopes[True].gather(1, worst) > 0).all()), "descent lowers the worst sample"


def test_arms_do_not_depend_on_their_neighbours_kinds() -> None:
    short = {"algorithms": ("dpo",), "epochs": 6}
    both = run_bandit(Study(every=(0, 1), **short), seed=3)  # type: ignore[arg-type]
    assert run_bandit(Study(every=(0, 1), **short), seed=3) == both  # type: ignore[arg-type]
    assert {(arm.every, arm.push) for arm in both} == {(0, False), (0, True), (1, False), (1, True)}
    assert all(arm.start == both[0].start for arm in both)


def test_the_command_prints_both_axes_and_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page = tmp_path / "bandit.json", tmp_path / "bandit.html"
    line = ["lab", "bandit", "--method", "reinforce", "--method", "best-of-n", "--epochs", "5"]
    assert main([*line, "--json", str(out), "--html", str(page)]) == 0
    said, found = capsys.readouterr().out, json.loads(out.read_text())
    assert "best-of-n" in said and "every epoch" in page.read_text()
    assert len(found["arms"]) == 2 * 2 * 3 * 2 and {arm["peak"] for arm in found["arms"]} == {"near", "far"}
    fresh = [arm for arm in found["arms"] if arm["peak"] == "near" and arm["every"] == 1 and not arm["push"]]
    assert all(arm["reward"] > arm["start"] for arm in fresh)
    assert main([*line, "--json", str(out)]) == 1


def test_what_the_bandit_lacks_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "bandit", "--method", "reinforc"]) == 1
    assert "Did you mean 'reinforce'" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match=r"no peak 'fare'\. Did you mean 'far'"):
        Study(peak="fare")
