"""Conversion of plain lists of numbers to the views and record fields of an objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.requirements import Requirements
from penchant.objectives.core.scored import Scored

__all__ = ["PlainInputs"]

_VIEW_FORM = '{"policy": [[float, ...], ...], "reference": [[float, ...], ...]} in nats, one inner list per response'
#: Keys of a view that hold activations by layer.
_LAYERS = ("activations", "reference_activations")
#: Keys of a view that hold the states at the last tokens of prompts and responses.
_ENDS = ("start_state", "end_state")
_FIELD_FORM = "a list of numbers, one per example"


@dataclass
class PlainInputs:
    """Converts plain lists to views and fields, and keeps the leaves whose gradients are returned."""

    inputs: Mapping[str, Any]
    wanted: Requirements
    owner: str

    def __post_init__(self) -> None:
        self.leaves: dict[str, tuple[Tensor, list[int]]] = {}

    def _wrong(self, what: str, form: str) -> ConfigurationError:
        return ConfigurationError(what, where=f"objective {self.owner}", fix=f"Expected: {form}.")

    def _given(self, name: str) -> str | None:
        """The key under which an input is given: its name, in the singular or plural."""
        other = [name.removesuffix("y") + "ies", name.removesuffix("ies") + "y", name + "s", name.removesuffix("s")]
        return next((key for key in (name, *other) if key in self.inputs), None)

    def view(self, name: str) -> Scored | list[Scored] | None:
        """The view ``name``, or None if it is optional and absent."""
        key = self._given(name)
        if key is None:
            if name in self.wanted.optional:
                return None
            raise self._wrong(
                f"The view {name!r} is missing from the inputs {sorted(self.inputs)}.", f"{name!r}: {_VIEW_FORM}"
            )
        given = self.inputs[key]
        if name not in self.wanted.several:
            return self._scored(key, given, name)
        if not isinstance(given, Sequence):
            raise self._wrong(
                f"The view {name!r} is {type(given).__name__}.", f"{name!r}: a list of views, each {_VIEW_FORM}"
            )
        return [self._scored(f"{key}[{place}]", each, name) for place, each in enumerate(given)]

    def _scored(self, key: str, given: Any, view: str) -> Scored:
        needs = self.wanted.needs
        ends: Tensor | None
        if isinstance(given, Mapping) and needs.ends and "policy" not in given and not needs.scores:
            ends = self._ends(key, given)
            given = {**given, "policy": [[0.0]] * len(ends)}
        elif not isinstance(given, Mapping) or "policy" not in given:
            raise self._wrong(f"The view {key!r} has no 'policy'.", f"{key!r}: {_VIEW_FORM}")
        else:
            ends = self._ends(key, given) if needs.ends else None
        absent = sorted(set(map(str, needs.stats)) - set(given)) if needs.stats_in(view) else []
        absent += ["reference"] * (needs.reference_of(view) and given.get("reference") is None)
        absent += sorted(needs.checkpoints - set(given))
        absent += ["gradient_norm"] * (needs.gradient_norms and given.get("gradient_norm") is None)
        absent += ["residual_logp"] * (needs.residual is not None and given.get("residual_logp") is None)
        if absent:
            raise self._wrong(
                f"The view {key!r} has no {absent[0]!r}.", f"{key!r}: {_VIEW_FORM}, and the same for {absent}"
            )
        policy, lengths = self.padded(f"{key}.policy", given["policy"])
        self.leaves[f"{key}.policy"] = (policy, lengths)
        reference: Tensor | None = None
        stats: dict[str, Tensor] = {}
        fields, checkpoints = dict[str, Tensor](), dict[str, Tensor]()
        hidden = self._hidden(f"{key}.hidden", given["hidden"], lengths) if given.get("hidden") is not None else None
        for name, values in given.items():
            if name in ("policy", "hidden", *_ENDS, *_LAYERS) or values is None:
                continue
            if name != "reference" and not (values and isinstance(values[0], Sequence)):
                fields[name] = self._numbers(f"{key}.{name}", values)
                continue
            padded, its_lengths = self.padded(f"{key}.{name}", values)
            if its_lengths != lengths:
                raise self._wrong(
                    f"'{key}.{name}' has lengths {its_lengths}, '{key}.policy' has {lengths}.", _VIEW_FORM
                )
            if name == "reference":
                reference = padded.detach()
            elif name in needs.checkpoints:
                checkpoints[name] = padded.detach()
            else:
                stats[name] = padded
                self.leaves[f"{key}.{name}"] = (padded, lengths)
        mask = torch.arange(policy.shape[1]) < torch.tensor(lengths).unsqueeze(1)
        own, of_reference = (self._layers(f"{key}.{name}", given.get(name) or {}, lengths) for name in _LAYERS)
        return Scored(
            policy,
            reference,
            mask,
            stats,
            self._group(len(lengths)),
            fields,
            hidden=hidden,
            ends=ends,
            likelihood=needs.scores,
            activations=own,
            reference_activations=of_reference,
            checkpoints=checkpoints,
        )

    def _ends(self, key: str, given: Mapping[str, Any]) -> Tensor:
        """The states at the ends, [R, 2, D]; the prompt's are NaN where they are not given."""
        form = "'end_state' (and 'start_state'): one list of numbers per response, all of the same size"
        tables: list[Tensor] = []
        for name in reversed(_ENDS):
            rows = given.get(name)
            if rows is None and name == "end_state":
                raise self._wrong(f"The view {key!r} has no 'end_state'.", form)
            try:
                table = (
                    torch.full_like(tables[0], torch.nan) if rows is None else torch.tensor(rows, dtype=torch.float64)
                )
            except (TypeError, ValueError):
                raise self._wrong(f"'{key}.{name}' is not a table of numbers.", form) from None
            if table.dim() != 2 or (tables and table.shape != tables[0].shape):
                raise self._wrong(f"'{key}.{name}' has shape {list(table.shape)}.", form)
            if rows is not None:
                self.leaves[f"{key}.{name}"] = (table.requires_grad_(), [table.shape[1]] * len(table))
            tables.append(table)
        return torch.stack(tables[::-1], dim=1)

    def _layers(self, key: str, given: Any, lengths: list[int]) -> dict[str, Tensor]:
        """Activations by layer, [R, T, D] each."""
        if not isinstance(given, Mapping):
            raise self._wrong(
                f"{key!r} is {type(given).__name__}.", "a table of states by layer: {'7': [[[0.1, ...]]]}"
            )
        return {str(layer): self._hidden(f"{key}.{layer}", rows, lengths) for layer, rows in given.items()}

    def _hidden(self, key: str, rows: Any, lengths: list[int]) -> Tensor:
        """Hidden states [R, T, D], padded with NaN after each response."""
        form = "one list of hidden states per response, one state per token, all of the same size"
        try:
            states = [torch.tensor(row, dtype=torch.float64) for row in rows]
            table = torch.nn.utils.rnn.pad_sequence(states, batch_first=True, padding_value=float("nan"))
        except (TypeError, ValueError, RuntimeError):
            raise self._wrong(f"{key!r} is not a table of numbers.", form) from None
        if table.dim() < 3 or [len(row) for row in states] != lengths:
            raise self._wrong(f"{key!r} does not have one hidden state per token.", form)
        self.leaves[key] = (table.requires_grad_(), lengths)
        return table

    def padded(self, key: str, rows: Any) -> tuple[Tensor, list[int]]:
        """Rows of different lengths as one table [R, T], padded with NaN, and the lengths."""
        try:
            lengths = [len(row) for row in rows]
            width = max(lengths, default=0)
            # NaN in the padding makes any leak into a loss visible.
            full = [[float(value) for value in row] + [float("nan")] * (width - len(row)) for row in rows]
        except (TypeError, ValueError):
            raise self._wrong(f"{key!r} is not a list of lists of numbers.", _VIEW_FORM) from None
        table = torch.tensor(full, dtype=torch.float64).reshape(len(lengths), width)
        return table.requires_grad_(), lengths

    def _group(self, rows: int) -> Tensor:
        groups = self.inputs.get("groups")
        if groups is None or sum(map(len, groups)) != rows:
            return torch.arange(rows)
        group = torch.full((rows,), -1, dtype=torch.long)
        for place, members in enumerate(groups):
            group[torch.tensor(members, dtype=torch.long)] = place
        if (group < 0).any():
            raise self._wrong(
                "'groups' must name each response exactly once.", "the indices of each example's responses"
            )
        return group

    def _numbers(self, key: str, values: Any) -> Tensor:
        try:
            if values and isinstance(values[0], Sequence):  # one row of numbers per example, or per token
                rows = [torch.tensor([float(value) for value in row], dtype=torch.float64) for row in values]
                return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=float("nan"))
            return torch.tensor([float(value) for value in values], dtype=torch.float64)
        except (TypeError, ValueError):
            raise self._wrong(f"{key!r} is not a list of numbers.", _FIELD_FORM) from None

    def field(self, name: str) -> Tensor | None:
        """The record field ``name``, per example or, if nested in groups, per response."""
        key = self._given(name)
        if key is None:
            if name in self.wanted.optional:
                return None
            raise self._wrong(
                f"The field {name!r} is missing from the inputs {sorted(self.inputs)}.", f"{name!r}: {_FIELD_FORM}"
            )
        values = self.inputs[key]
        groups = self.inputs.get("groups")
        if groups is not None and values and isinstance(values[0], Sequence):
            if [len(each) for each in values] != [len(each) for each in groups]:
                raise self._wrong(
                    f"{key!r} and 'groups' have different lengths.", "one number per response of each group"
                )
            placed = {
                row: value
                for rows, each in zip(groups, values, strict=True)
                for row, value in zip(rows, each, strict=True)
            }
            values = [placed[row] for row in sorted(placed)]
        return self._numbers(key, values)
