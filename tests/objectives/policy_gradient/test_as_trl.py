"""Losses and gradients of TRL's GRPO trainer: its divergence by ratio, and its importance weights."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor

from penchant.objectives import build
from penchant.objectives.core.scored import Scored

TYPES = {"grpo": "grpo", "bnpo": "bnpo", "dr_grpo": "dr-grpo"}


def trl_loss(kind: str, policy: Tensor, given: dict[str, Tensor], corrects: bool) -> Tensor:
    """The loss as the trainer computes it, of log-probabilities that are given to it."""
    trainer = pytest.importorskip("trl").GRPOTrainer
    rows, length = policy.shape
    stub = MagicMock()
    vars(stub).update(
        aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None, beta=0.3, loss_type=kind,
        importance_sampling_level="token", epsilon_low=0.2, epsilon_high=0.28, max_completion_length=9,
        use_vllm=True, vllm_importance_sampling_correction=True, current_gradient_accumulation_steps=1,
        _entropy_bonus_enabled=False, model=SimpleNamespace(training=True), model_wrapped=None,
        args=SimpleNamespace(use_bias_correction_kl=corrects, delta=None),
        _metrics={"train": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *a, **k: (policy, policy, None),
    )  # fmt: skip
    stub.accelerator.gather = lambda value: value
    ids = torch.zeros(rows, length, dtype=torch.long)
    inputs = {"prompt_ids": ids[:, :1], "prompt_mask": ids[:, :1] + 1, "completion_ids": ids}
    found: Tensor = trainer._compute_loss(stub, None, {**inputs, **given})
    return found


@pytest.mark.parametrize("corrects", [False, True])
@pytest.mark.parametrize("kind", TYPES)
def test_loss_and_gradient_are_those_of_trl(kind: str, corrects: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    start, old, reference = (-2 * torch.rand(3, 4, generator=generator) for _ in range(3))
    weights = (1.5 * torch.rand(3, 4, generator=generator)).clamp(max=1.2)
    advantage = torch.tensor([1.0, -0.7, 0.2])
    theirs = start.clone().requires_grad_()
    given = {"old_per_token_logps": old, "ref_per_token_logps": reference, "completion_mask": mask.long()}
    expected = trl_loss(
        kind, theirs, {**given, "advantages": advantage, "importance_sampling_ratio": weights}, corrects
    )
    expected.backward()
    ours = start.clone().requires_grad_()
    fixed = {"max_completion_length": 9} if kind == "dr_grpo" else {}
    objective = build(TYPES[kind], beta=0.3, epsilon_high=0.28, kl_by_ratio=corrects, **fixed)
    view = Scored(ours, reference, mask, group=torch.tensor([0, 0, 0]))
    loss = objective(responses=view, advantage=advantage[:, None] * weights, old_policy=old).values.mean()
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert ours.grad is not None and theirs.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-7)


def test_with_the_ratio_the_gradient_of_the_divergence_is_unbiased_off_policy() -> None:
    logits = torch.tensor([0.3, -0.2, 0.8], requires_grad=True)
    drawn, reference = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.5, 0.3])
    [exact] = torch.autograd.grad(
        torch.nn.functional.kl_div(reference.log(), logits.softmax(-1), reduction="sum"), logits
    )

    def slope(**hyper: Any) -> Tensor:
        """The expected gradient over all tokens, as the old policy draws them."""
        policy = logits.log_softmax(-1)[:, None]
        view = Scored(policy, reference.log()[:, None], torch.ones(3, 1, dtype=torch.bool), group=torch.arange(3))
        objective = build("grpo", beta=1.0, **hyper)
        values = objective(responses=view, advantage=torch.zeros(3), old_policy=drawn.log()[:, None]).values
        [found] = torch.autograd.grad((drawn * values).sum(), logits)
        return found

    torch.testing.assert_close(slope(kl_by_ratio=True), exact, atol=1e-6, rtol=1e-5)
    assert (slope() - exact).norm() > 0.1 * exact.norm()
