"""Half fine-tuning, which freezes another random half of each layer in every run or epoch."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt

from penchant.errors import ConfigurationError
from penchant.training.parameters.frozen import Frozen, trained_weights
from penchant.training.parameters.halves import Level, chosen_units, units_of
from penchant.training.parameters.strategy import Start

__all__ = ["HalfFineTuning"]


class HalfFineTuning(Frozen):
    """Half Fine-Tuning (Hui et al., 2024): in each round a random half of the matrices moves, against forgetting.

    See `penchant.training.parameters.halves.chosen_units` for the rule. Embeddings, output head and final norm always
    move. The optimizer holds no state for the frozen half. Of an adapter, the parts beside half of the matrices move.

    Reference:
        Hui et al. (2024), HFT: Half Fine-Tuning for Large Language Models, arXiv:2404.18466.
    """

    id = "half-fine-tuning"
    why_no_adapter = ""

    ratio: Annotated[float, Gt(0), Lt(1), "share of the matrices of the layers that move"] = 0.5
    level: Annotated[Level, "where the share holds: in each category of a layer, over layers, or over the model"] = (
        "category"
    )
    rounds: Annotated[Literal["run", "epoch"], "what gets a new selection: the run, or each of its epochs"] = "run"
    round: Annotated[int, Ge(0), "number of the stage, such as 0 for SFT and 1 for DPO; each has its selection"] = 0

    @property
    def changes(self) -> bool:  # type: ignore[override]
        """Whether the half changes during the run."""
        return self.rounds == "epoch"

    def check(self, start: Start) -> None:
        """See `Strategy.check`.

        Raises:
            ConfigurationError: the model has no layers whose weights could be frozen.
        """
        if not any(unit for layer in units_of(start.model, trained_weights(start)) for unit in layer.values()):
            raise ConfigurationError(
                f"{type(start.model).__name__} has no list of layers with weights that move.",
                where="parameters",
                fix="Use parameters={name: freeze, frozen: [...]}.",
            )
        super().check(start)

    def choose(self, start: Start) -> set[str]:
        """See `Frozen.choose`: the selection of the first epoch."""
        return self._of_epoch(start, 0)

    def _of_epoch(self, start: Start, epoch: int) -> set[str]:
        names = trained_weights(start) if not hasattr(self, "candidates") else self.candidates
        layers = units_of(start.model, names)
        inside = {name for layer in layers for group in layer.values() for unit in group for name in unit}
        draw = random.Random(f"{start.seed}/{self.round}/{epoch}")
        return (names.keys() - inside) | chosen_units(layers, self.level, self.ratio, draw)

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        super().prepare(start)
        self._begin(start)

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`."""
        super().resume(start, state)
        self._begin(start)

    def _begin(self, start: Start) -> None:
        self.start, self.epoch = start, -1
        if self.changes:
            for weight in self.candidates.values():  # the optimizer must know all that will ever move
                weight.requires_grad_(True)

    def before_step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """See `Strategy.before_step`."""
        epoch = int(self.start.epochs[step - 1] + 1e-9) if step else 0
        if self.changes and epoch != self.epoch:
            self.epoch = epoch
            names = self._of_epoch(self.start, epoch)
            if self.start.processes > 1:
                self.moving = names  # processes wait for the gradient of every weight that moved at the start
            else:
                self.move(names)
            for name in self.candidates.keys() - self.moving:
                optimizer.state.pop(self.candidates[name], None)
