"""A batch: one forest, and where in it each view of each example stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from penchant.feedback.records import Source
from penchant.forest.build import build_forest
from penchant.forest.encoding import Example
from penchant.forest.layout import Forest, TokenSequence

__all__ = ["Batch", "collate"]


@dataclass(frozen=True)
class Batch:
    """B examples laid out as one forest.

    Args:
        forest: the tokens.
        rows: for each view, [R_view] which rows of the forest's [R, T] arrays are its responses.
        group: for each view, [R_view] which example (0 to B - 1) each response belongs to.
        fields: for each record field, [B]; [R] where the record has one number per response; [R, T] where it has one
            per token of each response, with zeros behind the last.
        weights: [B] weight of each example in the loss.
        denominator: what the weighted sum of losses is divided by: the weight of the whole optimizer step, of which
            this batch may be a part.
        sources: where each example came from.
        step: number of the optimizer step, from 0.
    """

    forest: Forest
    rows: dict[str, Tensor]
    group: dict[str, Tensor]
    fields: dict[str, Tensor]
    weights: Tensor
    denominator: float
    sources: tuple[Source, ...]
    step: int = 0

    def __len__(self) -> int:
        return len(self.sources)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        moved: dict[str, Any] = {
            name: {key: value.to(device) for key, value in getattr(self, name).items()}
            for name in ("rows", "group", "fields")
        }
        return replace(self, forest=self.forest.to(device), weights=self.weights.to(device), **moved)


def collate(
    examples: Sequence[Example],
    *,
    weights: Sequence[float] | None = None,
    denominator: float | None = None,
    step: int = 0,
    share: bool = True,
) -> Batch:
    """Lay examples out as one batch.

    Args:
        examples: at least one.
        weights: weights to use instead of the examples' own.
        denominator: of the optimizer step; the batch's own weight where absent.
        step: number of the optimizer step.
        share: False gives every response its own tree.
    """
    sequences: list[TokenSequence] = []
    owner: list[int] = []
    rows: dict[str, list[int]] = {}
    group: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        for view, members in example.views.items():
            rows.setdefault(view, []).extend(range(len(sequences), len(sequences) + len(members)))
            group.setdefault(view, []).extend([place] * len(members))
            sequences.extend(members)
            owner.extend([place] * len(members))
    weight = torch.tensor([example.weight for example in examples] if weights is None else weights)
    return Batch(
        forest=build_forest(sequences, owner, share=share),
        rows={view: torch.tensor(each) for view, each in rows.items()},
        group={view: torch.tensor(each) for view, each in group.items()},
        fields=_fields(examples),
        weights=weight.float(),
        denominator=float(weight.sum()) if denominator is None else denominator,
        sources=tuple(example.source for example in examples),
        step=step,
    )


def _fields(examples: Sequence[Example]) -> dict[str, Tensor]:
    result = {}
    for name in examples[0].fields:
        values = [example.fields[name] for example in examples]
        flat: list[Any] = [number for value in values for number in (value if isinstance(value, list) else [value])]
        if flat and isinstance(flat[0], list):
            longest = max(map(len, flat))
            flat = [row + [0.0] * (longest - len(row)) for row in flat]
        result[name] = torch.tensor(flat, dtype=torch.float32)
    return result
