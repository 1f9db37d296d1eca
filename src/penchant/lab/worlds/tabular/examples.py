"""Examples of a tabular world: views of responses, and fields about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

__all__ = ["Examples", "Rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Responses of a view, as indices into the tables of the world.

    Args:
        prompt: [R] integer.
        response: [R] integer.
        group: [R] integer, the example of each response; by default one response per example.

    Example:
        >>> Rows(torch.tensor([0, 1]), torch.tensor([3, 2])).group
        tensor([0, 1])
    """

    prompt: Tensor
    response: Tensor
    group: Tensor = None  # type: ignore[assignment]  # filled below

    def __post_init__(self) -> None:
        if self.group is None:
            object.__setattr__(self, "group", torch.arange(len(self.prompt)))


@dataclass(frozen=True, eq=False)
class Examples:
    """B examples: views and fields by the names that objectives read.

    Args:
        views: rows of each view; a list of rows for a view with several responses per example.
        fields: numbers of each example, [B], or of each response, [R].
        weight: [B] weight of each example in the mean loss; equal by default.

    Example:
        >>> rows = Rows(torch.tensor([0, 1]), torch.tensor([3, 2]))
        >>> len(Examples({"chosen": rows}))
        2
    """

    views: Mapping[str, Rows | list[Rows]]
    fields: Mapping[str, Tensor] = field(default_factory=dict)
    weight: Tensor = None  # type: ignore[assignment]  # filled below

    def __post_init__(self) -> None:
        if self.weight is None:
            first = next(iter(self.views.values()))
            rows = first[0] if isinstance(first, list) else first
            count = int(rows.group.max()) + 1 if len(rows.group) else 0
            object.__setattr__(self, "weight", torch.ones(count, dtype=torch.float64))

    def __len__(self) -> int:
        return len(self.weight)

    def with_view(self, name: str, rows: Rows | list[Rows]) -> Examples:
        """The same examples with an additional or replaced view."""
        return replace(self, views={**self.views, name: rows})

    def with_fields(self, **fields: Tensor) -> Examples:
        """The same examples with additional or replaced fields."""
        return replace(self, fields={**self.fields, **fields})

    def merged(self, names: Collection[str]) -> Examples:
        """The same examples reduced to the given views and fields, with equal examples merged and their weights summed.

        The weighted mean of any loss that is not batch-coupled stays the same, and is faster to compute.

        Args:
            names: names of the views and fields to keep.

        Returns:
            The reduced examples; not merged if a view has several responses per example, or a field several numbers.
        """
        views = {name: each for name, each in self.views.items() if name in names}
        fields = {name: each for name, each in self.fields.items() if name in names}
        kept = replace(self, views=views, fields=fields)
        lists = {name: each if isinstance(each, list) else [each] for name, each in views.items()}
        alone = all(len(rows.prompt) == len(self) for each in lists.values() for rows in each)
        if not alone or not all(each.shape == (len(self),) for each in fields.values()):
            return kept
        columns = [
            column.double() for each in lists.values() for rows in each for column in (rows.prompt, rows.response)
        ]
        columns += [each.double() for each in fields.values()]
        if not columns:
            return kept
        distinct, place = torch.stack([each.double() for each in columns], dim=1).unique(dim=0, return_inverse=True)
        if len(distinct) == len(self):
            return kept
        first = torch.zeros(len(distinct), dtype=torch.long).scatter(0, place.flip(0), torch.arange(len(self)).flip(0))

        def pick(each: Rows | list[Rows]) -> Rows | list[Rows]:
            if isinstance(each, list):
                return [Rows(rows.prompt[first], rows.response[first]) for rows in each]
            return Rows(each.prompt[first], each.response[first])

        return Examples(
            {name: pick(each) for name, each in views.items()},
            {name: each[first] for name, each in fields.items()},
            torch.zeros(len(distinct), dtype=self.weight.dtype).index_add(0, place, self.weight),
        )
