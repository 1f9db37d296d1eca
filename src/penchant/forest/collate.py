"""Batches: a forest with the rows of each view, and the fields and weights of its examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from penchant.feedback.records import Source
from penchant.forest.build import build_forest
from penchant.forest.example import Example
from penchant.forest.layout import Forest

__all__ = ["AnyBatch", "Batch", "Placed", "collate"]


@dataclass(frozen=True, kw_only=True)
class AnyBatch:
    """B examples that are computed together, of any modality.

    Args:
        rows: for each view, [R_view] indices of its responses among the batch's R responses.
        group: for each view, [R_view] the example (0 to B - 1) of each response.
        fields: for each record field, [B]; [R] if records have one number per response; [R, T] if they have one per
            token of each response, padded with zeros.
        weights: [B] weight of each example in the loss.
        denominator: divisor of the weighted sum of losses: the weight of the whole optimizer step, of which this batch
            may be a part.
        sources: file and line of each example.
        step: number of the optimizer step, from 0; None outside of training.
    """

    rows: dict[str, Tensor]
    group: dict[str, Tensor]
    fields: dict[str, Tensor]
    weights: Tensor
    denominator: float
    sources: tuple[Source, ...]
    step: int | None = None

    def __len__(self) -> int:
        return len(self.sources)

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device."""
        moved = {each.name: _moved(getattr(self, each.name), device) for each in fields(self)}
        return replace(self, **moved)

    @property
    def work(self) -> int:
        """Work of a forward pass, in the scorer's unit (tokens, images)."""
        raise NotImplementedError(f"{type(self).__name__} does not implement work.")

    @property
    def work_apart(self) -> int | None:
        """Work if every response were scored separately; None if the modality shares nothing."""
        return None


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, dict):
        return {name: each.to(device) for name, each in value.items()}
    return value.to(device) if hasattr(value, "to") else value


@dataclass(frozen=True, kw_only=True)
class Batch(AnyBatch):
    """B examples laid out as one forest.

    Args:
        forest: the tokens; ``rows`` are indices of the rows of its [R, T] arrays.
    """

    forest: Forest

    @property
    def work(self) -> int:
        """Number of tokens of the forest."""
        return self.forest.tokens

    @property
    def work_apart(self) -> int:
        """Number of tokens of all sequences."""
        return self.forest.sequence_tokens


class Placed:
    """The responses of several examples in batch order, and the fields common to batches of every modality.

    Args:
        examples: at least one.
        weights: weights to use instead of those of the examples.
        denominator: divisor of the loss; the weight of the batch by default.
        step: number of the optimizer step; None outside of training.
    """

    def __init__(
        self,
        examples: Sequence[Any],
        weights: Sequence[float] | None = None,
        denominator: float | None = None,
        step: int | None = None,
    ) -> None:
        self.responses: list[Any] = []
        self.owner: list[int] = []
        rows: dict[str, list[int]] = {}
        group: dict[str, list[int]] = {}
        first: dict[Any, int] = {}
        for place, example in enumerate(examples):
            tree = getattr(example, "tree", None)
            shares_with = place if tree is None else first.setdefault(tree, place)
            for view, members in example.views.items():
                rows.setdefault(view, []).extend(range(len(self.responses), len(self.responses) + len(members)))
                group.setdefault(view, []).extend([place] * len(members))
                self.responses.extend(members)
                self.owner.extend([shares_with] * len(members))
        weight = torch.tensor([example.weight for example in examples] if weights is None else weights)
        self.common: dict[str, Any] = {
            "rows": {view: torch.tensor(each) for view, each in rows.items()},
            "group": {view: torch.tensor(each) for view, each in group.items()},
            "fields": _fields(examples),
            "weights": weight.float(),
            "denominator": float(weight.sum()) if denominator is None else denominator,
            "sources": tuple(example.source for example in examples),
            "step": step,
        }


def collate(examples: Sequence[Example], *, share: bool = True, **options: Any) -> Batch:
    """Lay examples out as one batch.

    Args:
        examples: at least one.
        share: False gives every response a separate tree.
        options: weights, denominator and step, as for `Placed`.
    """
    placed = Placed(examples, **options)
    return Batch(forest=build_forest(placed.responses, placed.owner, share=share), **placed.common)


def _fields(examples: Sequence[Any]) -> dict[str, Tensor]:
    result = {}
    for name in examples[0].fields:
        values = [example.fields[name] for example in examples]
        flat: list[Any] = [number for value in values for number in (value if isinstance(value, list) else [value])]
        if flat and isinstance(flat[0], list):
            longest = max(map(len, flat))
            flat = [row + [0.0] * (longest - len(row)) for row in flat]
        result[name] = torch.tensor(flat, dtype=torch.float32)
    return result
