"""Cross-entropy over the words of a verdict: their first tokens, and their difference, alone count."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from penchant.objectives import Scored, build

MASK = torch.tensor([[True, True, True], [True, True, False]])


def word(first: list[float], rest: float = -1.0) -> Scored:
    policy = torch.full((2, 3), rest)
    policy[:, 0] = torch.tensor(first)
    return Scored(policy, None, MASK)


def losses(correct: Scored, incorrect: Scored) -> torch.Tensor:
    label = torch.tensor([1.0, 0.0])
    return build("verdict-cross-entropy")(called_correct=correct, called_incorrect=incorrect, label=label).values


def test_it_is_the_cross_entropy_of_the_difference_of_both_words() -> None:
    odds = torch.tensor([0.5, 2.0])
    wanted = binary_cross_entropy_with_logits(odds, torch.tensor([1.0, 0.0]), reduction="none")
    torch.testing.assert_close(losses(word([-1.0, -1.0]), word([-1.5, -3.0])), wanted)


def test_what_follows_the_first_token_and_what_both_share_changes_nothing() -> None:
    base = losses(word([-1.0, -1.0]), word([-1.5, -3.0]))
    torch.testing.assert_close(losses(word([-1.0, -1.0], rest=-7.0), word([-1.5, -3.0], rest=-0.1)), base)
    torch.testing.assert_close(losses(word([-4.0, -4.0]), word([-4.5, -6.0])), base)


def test_the_statistics_say_how_often_the_likelier_word_is_right() -> None:
    label = torch.tensor([1.0, 0.0])
    views = {"called_correct": word([-1.0, -1.0]), "called_incorrect": word([-1.0, -3.0])}
    found = build("verdict-cross-entropy")(**views, label=label).statistics
    assert found["verdict_accuracy"].tolist() == [0.5, 0.0]
    torch.testing.assert_close(found["verdict_share"], torch.tensor([0.0, 2.0]).sigmoid())
