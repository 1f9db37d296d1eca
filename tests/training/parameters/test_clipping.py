"""The gradient of everything that is trained is clipped as one: the policy's and the objective's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import penchant
from penchant.training.parameters.clipping import clip_together, norm_together
from small_runs import pairs

BOUND = 0.05


def test_a_reward_head_counts_in_the_clipped_norm(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.training.trainer import PreferenceTrainer

    norms = []
    create = PreferenceTrainer.create_optimizer

    def watched(self: PreferenceTrainer, *given: object) -> torch.optim.Optimizer:
        optimizer = create(self, *given)

        def note(*_given: object) -> None:
            found = [each.grad for group in optimizer.param_groups for each in group["params"] if each.grad is not None]
            norms.append(float(torch.linalg.vector_norm(torch.cat([each.flatten() for each in found]))))

        optimizer.register_step_pre_hook(note)
        return optimizer

    monkeypatch.setattr(PreferenceTrainer, "create_optimizer", watched)
    recipe = {"max_steps": 2, "batch_size": 4, "warmup": 0.0, "learning_rate": 0.1, "optimizer": "sgd"}
    for bound in (BOUND, 1e6, 0.0):
        run = penchant.train(folder, pairs(8), "bt", tmp_path / str(bound), max_grad_norm=bound, **recipe)
        rows = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
        told = [row["grad_norm"] for row in rows if row["split"] == "train"]
        if bound == BOUND:
            assert min(told) > BOUND, "nothing was clipped, so the test says nothing"
            assert norms == pytest.approx([BOUND, BOUND], rel=1e-4)
        else:  # what is reported is the norm of all that is trained
            assert norms == pytest.approx(told, rel=1e-5)
        norms.clear()


def test_one_factor_scales_both() -> None:
    policy, head = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))
    policy.grad, head.grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert clip_together(torch.tensor(3.0), [policy], [head], 1.0) == pytest.approx(5.0)
    assert policy.grad.tolist() + head.grad.tolist() == pytest.approx([0.6, 0.0, 0.8])
    assert norm_together(torch.tensor(0.6), [head]) == pytest.approx(1.0)
    clip_together(torch.tensor(0.6), [policy], [head], 2.0)
    assert head.grad.tolist() == pytest.approx([0.8]), "a smaller norm stays as it is"
