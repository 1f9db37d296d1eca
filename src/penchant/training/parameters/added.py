"""`Added`, a low-rank and a sparse matrix that are added to a frozen weight, and strategies that train only these."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from penchant.errors import CheckpointError
from penchant.training.devices.processes import Processes
from penchant.training.parameters.frozen import trained_weights
from penchant.training.parameters.strategy import Start, Strategy

__all__ = ["AddedStrategy", "Place"]


@dataclass(frozen=True)
class Place:
    """What is trained at one weight.

    Args:
        rank: of the low-rank matrix; 0 for none.
        support: flat places of the sparse matrix; empty for none.
        scale: of both.
        whole: the weight itself is trained instead.
        groups: number of groups of columns with a trained coefficient each; 0 for none.
    """

    rank: int = 0
    support: Tensor | None = None
    scale: float = 1.0
    whole: bool = False
    groups: int = 0

    def size(self, weight: Tensor) -> int:
        """Number of trained numbers at a weight."""
        if self.whole:
            return weight.numel()
        low_rank = self.rank * (weight.shape[0] + weight.shape[-1]) if self.rank else 0
        return low_rank + self.groups + (0 if self.support is None else len(self.support))


class Added(nn.Module):
    """W' = M ∘ (W + s (U V + S)) diag(c): U starts at 0, S at 0 on its support, M and c at 1.

    Args:
        weight: W, of one or two dimensions.
        place: rank of U V, support of S, s, and groups of columns that share an entry of c.
        generator: for V.
    """

    support: Tensor
    kept: Tensor | None
    up: nn.Parameter | None
    down: nn.Parameter | None
    values: nn.Parameter | None
    coefficients: nn.Parameter | None

    def __init__(self, weight: Tensor, place: Place, generator: torch.Generator) -> None:
        super().__init__()
        self.scale, self.off = place.scale, False
        self.up = self.down = self.values = self.coefficients = None
        if place.rank:
            drawn = torch.randn(place.rank, weight.shape[-1], generator=generator) / weight.shape[-1] ** 0.5
            self.up = nn.Parameter(torch.zeros(weight.shape[0], place.rank, device=weight.device))
            self.down = nn.Parameter(drawn.to(weight.device))
        support = torch.zeros(0, dtype=torch.long) if place.support is None else place.support
        if len(support):
            self.values = nn.Parameter(torch.zeros(len(support), device=weight.device))
        if place.groups:
            self.coefficients = nn.Parameter(torch.ones(place.groups, device=weight.device))
        self.register_buffer("support", support.to(weight.device), persistent=False)
        self.register_buffer("kept", None, persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        """W' of W; W itself while it is switched off."""
        made = weight
        if self.off:
            return made
        if self.up is not None and self.down is not None:
            made = made + (self.scale * (self.up @ self.down)).to(weight.dtype)
        if self.values is not None:
            values = (self.scale * self.values).to(weight.dtype)
            made = made.flatten().index_add(0, self.support, values).view_as(weight)
        if self.coefficients is not None:
            made = made * self.of_columns(self.coefficients, weight).to(weight.dtype)
        return made if self.kept is None else made * self.kept

    def of_columns(self, values: Tensor, weight: Tensor) -> Tensor:
        """Values of the groups as values of the weight's columns."""
        return values.repeat_interleave(weight.shape[-1] // len(values))


class AddedStrategy(Strategy):
    """Freezes all weights and trains what is added to some of them; at the end of a run the two become one weight.

    So the saved folder is that of a plain model. A subclass says what is trained where.
    """

    why_no_adapter = "It adds matrices of its own to the model's weights, as an adapter does."
    undoes = True

    #: What is trained, by name of the weight.
    places: dict[str, Place]

    @abstractmethod
    def choose(self, start: Start) -> dict[str, Place]:
        """What is trained, by name of the weight."""

    def check_recipe(self, recipe: Any, processes: Processes) -> None:
        """See `Strategy.check_recipe`.

        Raises:
            ConfigurationError: checkpoints are to be plain models, which only the end of a run is.
        """
        super().check_recipe(recipe, processes)
        if recipe.checkpoints == "weights":
            raise self._refused("checkpoints are models", "checkpoints", "Use checkpoints=full.")

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        self._attach(start, self.choose(start))

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`.

        Raises:
            CheckpointError: the places are of another model.
        """
        places = {name: Place(**each) for name, each in state.get("places", {}).items()}
        if not places or not places.keys() <= trained_weights(start).keys():
            raise CheckpointError(
                "The checkpoint does not say what is added to this model's weights.",
                fix="Start again with --overwrite, or restore the checkpoint.",
            )
        self._attach(start, places)

    def _attach(self, start: Start, places: dict[str, Place]) -> None:
        weights = trained_weights(start)
        self.all = sum(each.numel() for each in weights.values())
        self.places, self.added = places, dict[str, Added]()
        self.moved = list[tuple[nn.Parameter, Tensor]]()
        self.trained = sum(each.size(weights[name]) for name, each in places.items())
        self.owners, self.shapes = dict[str, tuple[nn.Module, str]](), dict[str, torch.Size]()
        for weight in weights.values():
            weight.requires_grad_(False)
        generator = torch.Generator().manual_seed(start.seed)
        for name, place in places.items():
            if place.whole:
                weights[name].requires_grad_(True)
                self.moved.append((weights[name], weights[name].detach().clone()))
                continue
            path, _dot, attribute = name.rpartition(".")
            owner = start.model.get_submodule(path)
            self.added[name] = Added(weights[name], place, generator)
            parametrize.register_parametrization(owner, attribute, self.added[name])
            self.owners[name], self.shapes[name] = (owner, attribute), weights[name].shape

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """See `Strategy.switched_off`; vectors that are trained whole have their first values."""
        if not hasattr(self, "added"):  # nothing is added yet
            yield
            return
        trained = [weight.data for weight, _first in self.moved]
        self._switch(True, [first for _weight, first in self.moved])
        try:
            yield
        finally:
            self._switch(False, trained)

    def _switch(self, off: bool, values: list[Tensor]) -> None:
        for each in self.added.values():
            each.off = off
        for (weight, _first), value in zip(self.moved, values, strict=True):
            weight.data = value

    def save(self, folder: Path) -> None:
        """See `Strategy.save`: what was added becomes part of the weights."""
        for owner, attribute in self.owners.values():
            parametrize.remove_parametrizations(owner, attribute, leave_parametrized=True)

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`."""
        return {"places": {name: vars(each) for name, each in self.places.items()}}

    def facts(self) -> dict[str, Any]:
        """See `Strategy.facts`."""
        return {"trained_parameters": self.trained, "trained_share": self.trained / self.all}
