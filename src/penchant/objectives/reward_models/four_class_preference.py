"""Judges of pairs labelled left, right, both good or both bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.four_classes import class_log_probabilities, class_values, swapped_classes
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.perceptrons import Perceptron, whole_indices

__all__ = ["FourClassPreference"]


class FourClassPreference(Objective):
    """A judge of four classes of pairs (DesignSense, 2026), reconstructed.

    loss = −log P(class),   class: 0 the chosen response is better, 1 the other one, 2 both good, 3 both bad

    ``scores``: each response has a score s = w h + c on the hidden state at its last token; P(0) = σ(s_0 − s_1 − η),
    P(1) = σ(s_1 − s_0 − η), and the rest is split by the mean score, σ(((s_0 + s_1) / 2 − b) / T). η, b and T are
    trained. ``joint``: a network reads the states of both responses in both orders, so that exchanging the sides
    exchanges the first two classes exactly. The record field ``pair_class`` is the class; pairs without a label but a
    preference have class 0.

    Example:
        >>> one = torch.ones(1, 1, dtype=torch.bool)
        >>> view = Scored(torch.zeros(1, 1), None, one, ends=torch.zeros(1, 2, 3), likelihood=False)
        >>> objective = FourClassPreference()
        >>> objective.bind(3)
        >>> [round(p, 3) for p in objective.log_probabilities(view, view).exp()[0].tolist()]
        [0.269, 0.269, 0.231, 0.231]

    Reference:
        DesignSense (2026), Human Preference Dataset and Reward Modeling Framework for Graphic Layout Generation.
    """

    id = "four-class-preference"
    paper = "arXiv:2602.23438"
    evidence = reconstruction("The abstract names the four classes; both heads are our reading.")
    needs = Needs(ends=True, likelihood=False)

    head: Annotated[Literal["scores", "joint"], "scores with thresholds, or a network of both responses"] = "scores"
    width: Annotated[int, Ge(1), "units of the network's hidden layer"] = 64

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.head == "scores":
            self.reward_head: Head = Head(1, bias=None, random=True)
            # softplus(0.5413) = 1; the sigmoid of Rao and Kupper's model with η = 1.
            self.threshold, self.log_temperature = nn.Parameter(torch.tensor(0.541325)), nn.Parameter(torch.zeros(()))
            self.bias = nn.Parameter(torch.zeros(()))
        else:
            self.reward_head = Perceptron(4, self.width, 1)

    def bind(self, hidden_size: int) -> None:
        """Create the head; the joint one reads the states of two responses."""
        self.reward_head.bind(hidden_size * (2 if self.head == "joint" else 1))

    def read_out(self, end_states: Tensor) -> Tensor:
        """What the classes follow from: the scores [R, 1], or the states themselves for the joint head."""
        return end_states if self.head == "joint" else super().read_out(end_states)

    def log_probabilities(self, left: Scored, right: Scored) -> Tensor:
        """The log-probability of each class, [B, 4], nats."""
        return self._of_sides(*(self.read_out(each.end_state) for each in (left, right)))

    def _of_sides(self, left: Tensor, right: Tensor) -> Tensor:
        if self.head == "joint":
            sides = left, right
            forth, back = (self.reward_head(torch.cat(each, dim=-1)) for each in (sides, sides[::-1]))
            return torch.log_softmax((forth + swapped_classes(back)) / 2, dim=-1)
        threshold = torch.nn.functional.softplus(self.threshold)
        values = left.squeeze(-1), right.squeeze(-1)
        return class_log_probabilities(*values, threshold, self.bias, self.log_temperature.exp())

    def class_table(self, outputs: Tensor) -> Tensor:
        """The probability of each class for each ordered pair of K responses, [K, K, 4].

        Args:
            outputs: [K, n] of `read_out`.
        """
        rows = len(outputs)
        left, right = outputs.repeat_interleave(rows, dim=0), outputs.repeat(rows, 1)
        return self._of_sides(left, right).exp().reshape(rows, rows, 4)

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The probability that each response is better, both good and both bad counted half, [K, K]."""
        classes = self.class_table(outputs)
        return classes[..., 0] + classes[..., 2:].sum(dim=-1) / 2

    def valued(self, outputs: Tensor, values: Sequence[float]) -> Tensor:
        """What each response is worth: the mean value of its classes against all K responses, itself included, [K].

        Against itself a response is as often left as right, so that K = 1 leaves how good it is by itself.

        Args:
            outputs: [K, n] of `read_out`.
            values: of left, right, both good and both bad.
        """
        table = self.class_table(outputs)
        return class_values(table.log(), torch.tensor(values, dtype=table.dtype, device=table.device)).mean(dim=-1)

    @property
    def numbered(self) -> Mapping[str, int]:
        """See `Objective.numbered`."""
        return {"pair_class": 4}

    def loss(self, chosen: Scored, rejected: Scored, pair_class: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair, [B], with whether the most likely class is right."""
        label = whole_indices(pair_class, 4, "pair_class", self.id)
        log_probabilities = self.log_probabilities(chosen, rejected)
        values = -log_probabilities.gather(1, label.unsqueeze(1)).squeeze(1)
        right = (log_probabilities.argmax(dim=-1) == label).to(values.dtype)
        return values, {"class_accuracy": right}
