"""`Supply`, the examples of a plan's places, combined from one or several sources and with views of the step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from penchant.errors import DataError
from penchant.forest.batching import Plan, Slot
from penchant.forest.record_encoder import RecordEncoder

__all__ = ["Supply"]


class Supply(Sequence[Any]):
    """The encoded data of a run; as a sequence, the examples of the first source.

    Args:
        examples: examples of the first (or only) source.
        beside: examples of further named sources.
        encoder: combines prompts and responses of two examples, for views of the step; None if there are none.

    Example:
        >>> from penchant.forest import Example, TokenSequence
        >>> from penchant.feedback.records import Source
        >>> first = Example({"forget": [TokenSequence([1], [5])]}, {}, 1.0, Source())
        >>> second = Example({"retain": [TokenSequence([1], [6])]}, {}, 1.0, Source())
        >>> sorted(Supply([first], {"retain": [second]}).at(Slot(0, (0,))).views)
        ['forget', 'retain']
    """

    def __init__(
        self,
        examples: Sequence[Any],
        beside: Mapping[str, Sequence[Any]] | None = None,
        encoder: RecordEncoder | None = None,
    ) -> None:
        self.examples, self.beside = examples, dict(beside or {})
        self.encoder = encoder
        self.crossed: dict[str, str] = {} if encoder is None else encoder.crossed

    @classmethod
    def of(cls, examples: Sequence[Any]) -> Supply:
        """Examples as a supply of one source; a supply is returned unchanged."""
        return examples if isinstance(examples, Supply) else cls(examples)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.examples[index]

    def __len__(self) -> int:
        return len(self.examples)

    def first(self, count: int) -> Supply:
        """A supply of the first examples alone, with all of the further sources."""
        return Supply(self.examples[:count], self.beside, self.encoder)

    @property
    def sizes(self) -> list[int]:
        """Cost of each example with its views of the step, whose responses are those of other examples of the step."""
        crossed = list(self.crossed.values())
        if not crossed:
            return _sizes(self.examples)
        return [each.size + sum(self._crossed_cost(view, each) for view in crossed) for each in self.examples]

    @property
    def beside_sizes(self) -> list[list[int]]:
        """Cost of each example of the further sources."""
        return [_sizes(examples) for examples in self.beside.values()]

    @property
    def weights(self) -> list[float]:
        """Weight of each example of the first source."""
        found = getattr(self.examples, "weights", None)  # known without reading the examples
        return [example.weight for example in self.examples] if found is None else found

    def slots(self, plan: Plan, step: int) -> list[Slot]:
        """The places of a step, with partners if a view of the step needs them."""
        return plan.slots(step, partners=bool(self.crossed))

    def size(self, slot: Slot) -> int:
        """Cost of the place, in the scorer's unit."""
        companions = zip(self.beside.values(), slot.beside, strict=True)
        size = _size(self.examples, slot.example) + sum(_size(examples, index) for examples, index in companions)
        if self.crossed:
            size += sum(self._crossed_cost(name, self._partner(slot)) for name in self.crossed.values())
        return size

    def at(self, slot: Slot) -> Any:
        """The example of a place, with the views of further sources and of the step.

        Raises:
            DataError: a view of the step needs a partner, and there is no other example.
        """
        example = self.examples[slot.example]
        views = dict(example.views)
        for examples, index in zip(self.beside.values(), slot.beside, strict=True):
            views |= examples[index].views
        views |= self._step_views(slot)
        return example if len(views) == len(example.views) else replace(example, views=views)

    def responses(self, plan: Plan) -> Iterator[tuple[str, Any]]:
        """Every response that the plan may need, with its view; used to compute values once for the whole run.

        Args:
            plan: the plan, which determines partners.
        """
        for examples in (self.examples, *self.beside.values()):
            for example in examples:
                yield from ((name, each) for name, view in example.views.items() for each in view)
        for step in range(len(plan)) if self.crossed else ():
            for slot in self.slots(plan, step):
                yield from ((name, each) for name, view in self._step_views(slot).items() for each in view)

    def largest_sizes(self, plan: Plan) -> list[int]:
        """Maximum cost of each example in the plan, including accompanying examples and views of the step."""
        sizes = _sizes(self.examples)
        for step in range(len(plan)) if self.crossed or self.beside else ():
            for slot in self.slots(plan, step):
                sizes[slot.example] = max(sizes[slot.example], self.size(slot))
        return sizes

    def check(self, plan: Plan, data: str = "data") -> None:
        """Refuse a plan that lacks a partner for a view of the step.

        Args:
            plan: every step.
            data: what the examples are, for the message.

        Raises:
            DataError: the data hold only one example, or the plan uses only one.
        """
        if self.crossed:
            self._partner(self.slots(plan, 0)[0], data)

    def _step_views(self, slot: Slot) -> dict[str, list[Any]]:
        if self.encoder is None or not self.crossed:
            return {}
        example, partner = self.examples[slot.example], self._partner(slot)
        views = {}
        for name, crossed in self.crossed.items():
            own, other = example.views.get(crossed), partner.views.get(crossed)
            if own is None or other is None:
                continue  # an optional view that one of the two records lacks
            views[name] = [self.encoder.cross(each, other[place % len(other)]) for place, each in enumerate(own)]
        return views

    def _partner(self, slot: Slot, data: str = "data") -> Any:
        if slot.partner is None:
            alone = len(self.examples) == 1
            found = f"the {data} hold only one example" if alone else "the plan of all steps holds only one example"
            raise DataError(
                f"The view {next(iter(self.crossed))!r} pairs a prompt with the response of another example, and "
                f"{found}.",
                where=str(self.examples[slot.example].source),
                fix=f"Give more {data}." if alone else "Raise batch_size, max_steps or epochs.",
            )
        return self.examples[slot.partner]

    def _crossed_cost(self, view: str, example: Any) -> int:
        assert self.encoder is not None
        return sum(map(self.encoder.cost, example.views.get(view, ())))


def _sizes(examples: Sequence[Any]) -> list[int]:
    found = getattr(examples, "sizes", None)  # known without reading the examples
    return [example.size for example in examples] if found is None else found


def _size(examples: Sequence[Any], index: int) -> int:
    found: int = examples.size(index) if hasattr(examples, "size") else examples[index].size
    return found
