"""Lottery-ticket sparse fine-tuning: train all weights, keep those that changed most, and train these alone."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from penchant.errors import CheckpointError, ConfigurationError, TrainingError
from penchant.training.devices.processes import Processes
from penchant.training.parameters.attribution import at_least
from penchant.training.parameters.differences import DIFFERENCE_FILE, save_difference
from penchant.training.parameters.frozen import trained_weights
from penchant.training.parameters.masked import Masked, packed, unpacked
from penchant.training.parameters.parts import place_in_part
from penchant.training.parameters.strategy import Start

__all__ = ["LotteryTicket", "grown_mask"]


def grown_mask(
    original: Mapping[str, Tensor], tuned: Mapping[str, Tensor], mask: Mapping[str, Tensor], count: int
) -> dict[str, Tensor]:
    """A mask with the ``count`` still frozen weights added that changed most, over all tensors together.

    Args:
        original: weights before full fine-tuning.
        tuned: weights after it.
        mask: True where a weight already moves.
        count: weights to add; those that changed as much as the last of them are added too.

    Example:
        >>> before, after = {"w": torch.zeros(3)}, {"w": torch.tensor([1.0, -3.0, 2.0])}
        >>> grown_mask(before, after, {"w": torch.tensor([False, True, False])}, 1)
        {'w': tensor([False,  True,  True])}

    Reference:
        Ansell et al. (2022), Composable Sparse Fine-Tuning for Cross-Lingual Transfer, arXiv:2110.07560.
    """
    changes = {name: (tuned[name] - each).abs().masked_fill(mask[name], -1.0) for name, each in original.items()}
    free = sum(int((~each).sum()) for each in mask.values())
    return {name: mask[name] | added for name, added in at_least(changes, min(count, free)).items()}


class LotteryTicket(Masked):
    """Lottery-Ticket Sparse Fine-Tuning (Ansell et al., 2022): a sparse difference that can be added to others.

    The run has two parts of equal length for each iteration: all weights train; then the weights that changed most
    join the mask, all go back, and those of the mask train alone, with a fresh optimizer and schedule. The folder of
    the run keeps the difference to the start in ``difference.safetensors``; `penchant weights compose` adds such
    differences to a model.

    Reference:
        Ansell et al. (2022), Composable Sparse Fine-Tuning for Cross-Lingual Transfer, arXiv:2110.07560.
    """

    id = "lt-sft"
    changes: ClassVar[bool] = True

    ratio: Annotated[float, Gt(0), Le(1), "share of the weights that move in the end"] = 0.01
    iterations: Annotated[int, Ge(1), "number of times that the mask grows"] = 1
    l1: Annotated[float, Ge(0), "pull to the start while all train: factor of the mean of |change|"] = 0.0
    frozen: Annotated[list[str] | None, "patterns of the names of weights that never move, such as *norm*"] = None
    choice: Annotated[Literal["change", "random"], "which weights join the mask: most changed, or drawn at random"] = (
        "change"
    )

    @property
    def parts(self) -> int:  # type: ignore[override]
        """Two for each iteration."""
        return 2 * self.iterations

    def check_recipe(self, recipe: Any, processes: Processes) -> None:
        """See `Strategy.check_recipe`.

        Raises:
            ConfigurationError: the run keeps its best weights, which may come from before the mask, or its schedule
                follows a metric.
        """
        super().check_recipe(recipe, processes)
        if recipe.keep == "best" or recipe.early_stopping is not None:
            raise self._refused("a run keeps its best weights or stops early", "keep", "Use keep=last.")
        if recipe.schedule in ("reduce_lr_on_plateau", "greedy"):
            raise self._refused("the learning rate follows a metric", "schedule", "Use schedule=linear.")
        if self.l1 and recipe.precision == "float16":
            raise self._refused("gradients are scaled (float16) and l1 is above 0", "precision", "Use bfloat16.")

    def check(self, start: Start) -> None:
        """See `Strategy.check`.

        Raises:
            ConfigurationError: there are fewer steps than parts, or no weight would move.
        """
        super().check(start)
        if len(start.epochs) < self.parts:
            raise ConfigurationError(
                f"parameters=lt-sft has {self.parts} parts, but the run has {len(start.epochs)} steps.",
                where="parameters",
                fix="Give more epochs or max_steps.",
            )
        free = {name for name in trained_weights(start) if not self._stays(name)}
        if int(self.ratio * sum(each.numel() for name, each in trained_weights(start).items() if name in free)) < 1:
            raise ConfigurationError(
                "parameters=lt-sft freezes all weights of the model.",
                where="parameters",
                fix="Give a larger ratio, or fewer patterns in frozen.",
            )

    def _stays(self, name: str) -> bool:
        return any(fnmatchcase(name, each) for each in self.frozen or ())

    def scores(self, start: Start) -> dict[str, Tensor]:
        """Not read: the mask follows from training."""
        return {}

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        self._begin(start)
        self.mask = {name: torch.zeros_like(each, dtype=torch.bool) for name, each in self.origin.items()}

    def _begin(self, start: Start) -> None:
        for name, weight in trained_weights(start).items():
            weight.requires_grad_(not self._stays(name))
        self.weights = trained_weights(start)
        self.names, self.steps, self.seed = list(self.weights), len(start.epochs), start.seed
        self.origin = {name: each.detach().clone() for name, each in self.weights.items()}
        self.count = int(self.ratio * sum(each.numel() for each in self.origin.values()))
        self.part, self.held, self.remembered = 0, [], dict[str, Tensor]()

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`.

        Raises:
            CheckpointError: the mask is of another model.
        """
        self._begin(start)
        masks: Mapping[str, Tensor] = state.get("mask", {})
        if masks.keys() != self.origin.keys():
            raise CheckpointError(
                "The mask in the checkpoint is not that of this model's weights.",
                fix="Start again with --overwrite, or restore the checkpoint.",
            )
        self.mask = {name: unpacked(masks[name], each.shape).to(each.device) for name, each in self.origin.items()}
        self.part = int(state["part"])
        self.remembered = {name: each.to(self.origin[name].device) for name, each in state["remembered"].items()}
        self._hold_mask()

    def _hold_mask(self) -> None:
        """In every second part, what is outside of the mask stays as it was at the start."""
        alone = self.part % 2 == 1
        self.held = [(self.weights[name], ~mask, self.origin[name][~mask]) for name, mask in self.mask.items() if alone]

    def before_step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """See `Strategy.before_step`."""
        part = place_in_part(step, self.steps, self.parts)[0]
        while self.part < part:
            self.part += 1
            if self.part % 2:
                self._choose()
            else:
                self.remembered = {name: each.detach()[self.mask[name]] for name, each in self.weights.items()}
            self._hold_mask()
            optimizer.state.clear()

    @torch.no_grad()
    def _choose(self) -> None:
        before = self.mask
        iteration = self.part // 2
        added = self.count * (iteration + 1) // self.iterations - self.count * iteration // self.iterations
        self.mask = grown_mask(self.origin, self._tuned(), before, added)
        if added and all(torch.equal(each, before[name]) for name, each in self.mask.items()):
            raise TrainingError(
                "No weight changed while all were trained, so none is chosen.",
                where="parameters",
                fix="Give a larger learning_rate, or more steps.",
            )
        for name, weight in self.weights.items():
            weight.copy_(self.origin[name])
            if name in self.remembered:
                weight[before[name]] = self.remembered[name]

    def _tuned(self) -> dict[str, Tensor]:
        if self.choice == "change":
            return {name: each.detach() for name, each in self.weights.items()}
        drawn = torch.Generator().manual_seed(self.seed + self.part)
        return {
            name: each + torch.rand(each.shape, generator=drawn).to(each.device) for name, each in self.origin.items()
        }

    def after_backward(self) -> None:
        """See `Strategy.after_backward`."""
        super().after_backward()
        if self.l1 and self.part % 2 == 0:
            factor = self.l1 / sum(each.numel() for each in self.origin.values())
            for name, weight in self.weights.items():
                if weight.grad is not None:
                    weight.grad.add_((weight.detach() - self.origin[name]).sign(), alpha=factor)

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`."""
        remembered = {name: each.cpu() for name, each in self.remembered.items()}
        return {
            "mask": {name: packed(each) for name, each in self.mask.items()},
            "part": self.part,
            "remembered": remembered,
        }

    def save(self, folder: Path) -> None:
        """See `Strategy.save`: the sparse difference to the start."""
        tuned = {name: each.detach() for name, each in self.weights.items()}
        save_difference(folder / DIFFERENCE_FILE, self.origin, tuned)

    def facts(self) -> dict[str, Any]:
        """See `Strategy.facts`."""
        moving = sum(int(each.sum()) for each in self.mask.values())
        return {
            "trained_parameters": moving,
            "trained_share": moving / sum(each.numel() for each in self.mask.values()),
        }
