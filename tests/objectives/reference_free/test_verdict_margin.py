"""The margin of verdicts: nothing beyond it, and only shares count."""

from __future__ import annotations

import torch

from penchant.objectives import Scored, build

ONE = torch.ones(1, 1, dtype=torch.bool)


def loss_of(right: float, wrong: float, margin: float = 1.0, shift: float = 0.0) -> tuple[float, float]:
    """The loss where the log-odds of both verdicts are given, and its gradient in the right one."""
    leaf = torch.tensor([[right + shift]], requires_grad=True)
    given = {"chosen_called_correct": leaf, "chosen_called_incorrect": torch.tensor([[shift]])}
    given |= {"rejected_called_correct": torch.tensor([[wrong]]), "rejected_called_incorrect": torch.zeros(1, 1)}
    values = build("verdict-margin", **{"lambda": margin})(
        **{name: Scored(each, None, ONE) for name, each in given.items()}
    ).values
    [gradient] = torch.autograd.grad(values.sum(), leaf)
    return values.item(), gradient.item()


def test_beyond_the_margin_loss_and_gradient_are_zero() -> None:
    assert loss_of(4.0, -4.0) == (0.0, 0.0)
    loss, gradient = loss_of(0.0, 0.0)
    assert loss == 1.0 and gradient < 0, "equal verdicts: the right one is raised"


def test_both_words_of_a_verdict_may_move_together() -> None:
    assert abs(loss_of(0.3, 0.1)[0] - loss_of(0.3, 0.1, shift=-5.0)[0]) < 1e-6


def test_it_grows_with_the_margin_one_for_one() -> None:
    assert abs(loss_of(0.3, 0.1, 2.5)[0] - loss_of(0.3, 0.1, 1.5)[0] - 1.0) < 1e-6
