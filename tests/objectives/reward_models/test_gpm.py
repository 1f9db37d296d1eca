"""GPM's imitation term: absent at weight 0, and its gradient is that of the chosen response's likelihood."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives import Objective, Scored, build

WIDTH = 4
MASK = torch.tensor([[True, True, True], [True, True, False]])


def bound(**hyper: object) -> Objective:
    """GPM with two blocks, and the same head each time."""
    objective = build("gpm", dimension=4, tau=0.5, **hyper).double()
    objective.bind(WIDTH)
    weight = torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    objective.double().reward_head.weight.data.copy_(weight)  # type: ignore[union-attr, operator]
    return objective


def drawn(seed: int) -> Scored:
    """Two responses with log-probabilities and states that take gradients."""
    generator = torch.Generator().manual_seed(seed)
    policy = -3 * torch.rand(2, 3, generator=generator, dtype=torch.float64)
    ends = torch.randn(2, 2, WIDTH, generator=generator, dtype=torch.float64)
    return Scored(policy.requires_grad_(), None, MASK, ends=ends.requires_grad_())


def slopes(**hyper: object) -> tuple[Tensor, dict[str, Tensor]]:
    """The values of a batch, and the gradients of their sum; zeros where nothing arrives."""
    objective, chosen, rejected = bound(**hyper), drawn(1), drawn(2)
    values = objective(chosen=chosen, rejected=rejected).values
    assert chosen.ends is not None and rejected.ends is not None
    leaves = {
        "head": next(objective.parameters()),
        "chosen": chosen.policy,
        "rejected": rejected.policy,
        "ends": chosen.ends,
        "other ends": rejected.ends,
    }
    found = torch.autograd.grad(values.sum(), list(leaves.values()), materialize_grads=True)
    return values.detach(), dict(zip(leaves, found, strict=True))


def test_at_weight_0_it_is_plain_gpm_and_reads_no_likelihood() -> None:
    (plain, gradients), (same, others) = slopes(), slopes(sft_weight=0.0, sft_beta=3.0)
    assert torch.equal(plain, same) and all(torch.equal(gradients[name], others[name]) for name in gradients)
    assert not gradients["chosen"].any() and not build("gpm", sft_weight=0.0).needs.likelihood
    views = {"chosen": replace(drawn(1), likelihood=False), "rejected": replace(drawn(2), likelihood=False)}
    assert torch.equal(bound(sft_weight=0.0)(**views).values.detach(), plain)
    with pytest.raises(ConfigurationError):
        bound(sft_weight=0.1)(**views)


@pytest.mark.parametrize("target", [None, 2.0])
def test_the_gradient_is_that_of_the_likelihood_beside_plain_gpm(target: float | None) -> None:
    weight, beta = 0.25, 0.4
    plain, gradients = slopes(target_margin=target)
    values, both = slopes(target_margin=target, sft_weight=weight, sft_beta=beta)
    logp = (drawn(1).policy.detach() * MASK).sum(1)
    torch.testing.assert_close(values, (1 - weight) * plain + weight * torch.log1p(torch.exp(-beta * logp)))
    for name in ("head", "ends", "other ends"):
        torch.testing.assert_close(both[name], (1 - weight) * gradients[name])
    towards = -weight * beta * torch.sigmoid(-beta * logp)
    torch.testing.assert_close(both["chosen"], towards[:, None] * MASK)
    assert not both["rejected"].any()


def test_finite_differences() -> None:
    objective, chosen, rejected = bound(sft_weight=0.3, sft_beta=0.7), drawn(1), drawn(2)

    def values(policy: Tensor, ends: Tensor, other: Tensor) -> Tensor:
        views = {"chosen": replace(chosen, policy=policy, ends=ends), "rejected": replace(rejected, ends=other)}
        return objective(**views).values

    assert chosen.ends is not None and rejected.ends is not None
    assert torch.autograd.gradcheck(values, (chosen.policy, chosen.ends, rejected.ends))
