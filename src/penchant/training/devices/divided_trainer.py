"""`DividedTrainer`: transformers' Trainer for models that FSDP2 has divided, with checkpoints in the usual files.

A checkpoint holds whole tensors under the usual names. So a run goes on with any number of processes and any strategy
but DeepSpeed, whatever wrote the checkpoint.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer

from penchant.errors import CheckpointError
from penchant.training.devices.sharding import is_sharded, like, reshard, whole, whole_state

__all__ = ["DividedTrainer"]

OPTIMIZER, SCHEDULER = "optimizer.pt", "scheduler.pt"


class DividedTrainer(Trainer):
    """Trainer with the few steps that differ for a model divided by `penchant.training.devices.sharding.shard`.

    With any other model it is transformers' Trainer.
    """

    def __init__(self, model: nn.Module, **options: Any) -> None:
        self.divided = is_sharded(model)
        super().__init__(model=model, **options)
        if self.divided:
            prepared = self.accelerator.prepare_model

            # The model is already where it belongs; accelerate would wrap it in DDP.
            def prepare_model(model: nn.Module, *_given: Any, **_options: Any) -> nn.Module:
                return prepared(model, device_placement=False, evaluation_mode=True)

            self.accelerator.prepare_model = prepare_model

    def _move_model_to_device(self, model: nn.Module, device: torch.device) -> None:
        if not self.divided:
            super()._move_model_to_device(model, device)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """See `Trainer.create_optimizer`; the optimizer gets the shares, not weights that happen to be gathered."""
        if self.divided:
            reshard(self.model)
        return super().create_optimizer(model) if model is not None else super().create_optimizer()

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        return whole(super()._get_grad_norm(model, grad_norm=grad_norm))

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """See `Trainer.save_model`; every process takes part, the first one writes."""
        if not self.divided:
            super().save_model(output_dir, _internal_call)
            return
        adapted = hasattr(self.model, "disable_adapter")
        state = whole_state(self.model, keep=self.args.should_save, trained_only=adapted)
        if self.args.should_save:
            self._save(output_dir, state_dict=state)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.divided:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        state = _whole_optimizer(self.optimizer.state_dict(), self.args.should_save)
        if self.args.should_save:
            torch.save(state, Path(output_dir) / OPTIMIZER)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if not self.divided:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        load_weights(self.model, Path(resume_from_checkpoint))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or not self.divided:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        state = torch.load(Path(checkpoint) / OPTIMIZER, map_location="cpu", weights_only=True, mmap=True)
        parameters = [each for group in self.optimizer.param_groups for each in group["params"]]
        state["state"] = {
            place: {name: like(value, parameters[int(place)]) for name, value in entries.items()}
            for place, entries in state["state"].items()
        }
        self.optimizer.load_state_dict(state)
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / SCHEDULER, weights_only=True))


def _whole_optimizer(state: dict[str, Any], keep: bool) -> dict[str, Any]:
    """An optimizer's state with whole tensors on the CPU; every process calls it."""

    def entry(value: Any) -> Any:
        gathered = whole(value)
        return gathered.cpu() if keep and isinstance(gathered, Tensor) else gathered if keep else None

    gathered = {place: {name: entry(value) for name, value in each.items()} for place, each in state["state"].items()}
    return {**state, "state": gathered}


def load_weights(model: nn.Module, folder: Path) -> None:
    """Copy the weights of a checkpoint into a sharded model: each process its shares.

    Args:
        model: the sharded model.
        folder: the checkpoint, as `DividedTrainer` or transformers' Trainer saves it.

    Raises:
        CheckpointError: a trained weight is not in its files.
    """
    from safetensors import safe_open

    reshard(model)
    targets = _saved_names(model)
    missing = {name for name, value in targets.items() if value.requires_grad}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(str(path), framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  # not a dictionary
                if name in targets:
                    target = targets[name]
                    with torch.no_grad():
                        target.copy_(like(file.get_tensor(name), target))
                    missing -= {other for other in missing if targets[other] is target}
    if missing:
        raise CheckpointError(
            f"{len(missing)} trained weights are not in the checkpoint, for example {min(missing)!r}.",
            where=str(folder),
            fix="Start again with --overwrite, or restore the checkpoint.",
        )


def _saved_names(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers under the names that they have in a checkpoint; those of an adapter lack its name."""
    adapter = f".{model.active_adapter}" if hasattr(model, "disable_adapter") else None
    state = model.state_dict(keep_vars=True)
    if adapter is None:
        return dict(state)
    return {
        name.replace(f"{adapter}.", ".") if f"{adapter}." in name else name.removesuffix(adapter): value
        for name, value in state.items()
    }
