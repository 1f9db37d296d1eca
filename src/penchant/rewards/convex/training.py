"""`train_head`: from a file of comparisons to a head, with its accuracy on held-out prompts."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from penchant.errors import DataError
from penchant.feedback.records import Comparison
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.convex.features import FrozenFeatures, Pooling
from penchant.rewards.convex.head import LINEAR_RIDGE, ConvexHead, HeadSettings, fit_head
from penchant.rewards.convex.preference import fit_output
from penchant.statistics import Interval, share_interval

__all__ = ["TrainedHead", "accuracy_of", "split_by_prompt", "train_head"]


@dataclass(frozen=True)
class TrainedHead:
    """A head and how good it is.

    Args:
        head: the head.
        pairs: pairs of training.
        accuracy: share of the training pairs whose chosen response has the larger score; ties count half.
        held_out: pairs that were held out.
        held_out_accuracy: the same on them; None without any.
        interval: its 95 % interval.
        linear_accuracy: held-out accuracy of a linear head on the same features, by logistic regression.
        seconds: by part: features, head.
    """

    head: ConvexHead
    pairs: int
    accuracy: float
    held_out: int
    held_out_accuracy: float | None
    interval: Interval | None
    linear_accuracy: float | None
    seconds: dict[str, float]

    def as_dict(self) -> dict[str, float | None]:
        """Plain values by name, for tables and JSON."""
        between = self.interval
        return {
            "pairs": self.pairs,
            "accuracy": self.accuracy,
            "held-out pairs": self.held_out,
            "held-out accuracy": self.held_out_accuracy,
            "held-out accuracy, low": None if between is None else between.low,
            "held-out accuracy, high": None if between is None else between.high,
            "held-out accuracy of a linear head": self.linear_accuracy,
            **self.head.facts,
            **{f"seconds, {name}": value for name, value in self.seconds.items()},
        }


def split_by_prompt(records: Sequence[Any], share: float, seed: int) -> tuple[list[Any], list[Any]]:
    """Records for training and held-out ones; all records of a prompt are on one side.

    Args:
        records: any.
        share: of the prompts that is held out.
        seed: of the choice.
    """
    prompts = sorted({repr(each.prompt) for each in records})
    held = set(random.Random(seed).sample(prompts, round(share * len(prompts))))
    sides: tuple[list[Any], list[Any]] = ([], [])
    for each in records:
        sides[repr(each.prompt) in held].append(each)
    return sides


def accuracy_of(scores: Tensor) -> float:
    """Share of pairs whose first score is larger; ties count half.

    Args:
        scores: [n, 2] of chosen and rejected responses.

    Example:
        >>> accuracy_of(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
        0.75
    """
    gaps = scores[:, 0] - scores[:, 1]
    return float(((gaps > 0).double() + 0.5 * (gaps == 0).double()).mean())


def train_head(
    model: str,
    records: Sequence[Any],
    held_out: Sequence[Any] = (),
    settings: HeadSettings | None = None,
    *,
    pooling: Pooling = "mean",
    batch_size: int = 16,
    chat_template: str | None = None,
) -> TrainedHead:
    """Train a head on comparisons: chosen responses are labelled +1, rejected ones −1.

    Args:
        model: folder or hub id of the frozen model.
        records: comparisons.
        held_out: comparisons that only measure.
        settings: of the head; default: `HeadSettings` as they stand.
        pooling: of the model's states.
        batch_size: sequences in a forward pass.
        chat_template: None for the tokenizer's own.

    Raises:
        DataError: there are no comparisons, or records of another kind.
    """
    for each in (*records, *held_out):
        if not isinstance(each, Comparison):
            raise DataError("COALA is trained on comparisons.", where=str(each.source), fix="Give chosen and rejected.")
    if not records:
        raise DataError("There are no comparisons to train on.", fix="Hold out fewer records.")
    read = FrozenFeatures(load_model(model), Renderer(load_tokenizer(model), chat_template=chat_template), pooling)
    read.batch_size = batch_size
    start = time.perf_counter()
    own, other = (_features(read, each) for each in (records, held_out))
    middle = time.perf_counter()
    labels = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(len(own))
    head = fit_head(own.flatten(0, 1), labels, settings or HeadSettings(), model, pooling)
    head = replace(head, chat_template=chat_template)
    seconds = {"features": middle - start, "head": time.perf_counter() - middle}
    accuracy = accuracy_of(head.scores(own.flatten(0, 1)).reshape(-1, 2))
    if not len(other):
        return TrainedHead(head, len(own), accuracy, 0, None, None, None, seconds)
    held = accuracy_of(head.scores(other.flatten(0, 1)).reshape(-1, 2))
    linear = accuracy_of(_linear(own, other, head, labels).reshape(-1, 2))
    between = share_interval(held, len(other))
    return TrainedHead(head, len(own), accuracy, len(other), held, between, linear, seconds)


def _features(read: FrozenFeatures, records: Sequence[Any]) -> Tensor:
    """[n, 2, d] of chosen and rejected responses."""
    if not records:
        return torch.zeros(0, 2, 0, dtype=torch.float64)
    found = read([each.prompt for each in records], [[each.chosen, each.rejected] for each in records])
    return torch.stack(found)


def _linear(own: Tensor, other: Tensor, head: ConvexHead, labels: Tensor) -> Tensor:
    """Scores of held-out responses by a linear head on the same standardised features."""
    inputs, held = ((each.flatten(0, 1) - head.mean) / head.scale for each in (own, other))
    return held @ fit_output(inputs, labels, ridge=LINEAR_RIDGE)
