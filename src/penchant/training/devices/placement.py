"""Where the weights of a run are: whole on every process, divided by FSDP2, or in the hands of DeepSpeed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import nn

from penchant.errors import ConfigurationError
from penchant.training.devices.processes import Processes
from penchant.training.devices.sharding import Skeleton, shard, whole_state

__all__ = ["Divided", "Partitioned", "Placement", "Whole", "placement_of"]


class Loader(Protocol):
    """What loads a policy: a `penchant.modalities.Modality`."""

    def load(self, device: torch.device) -> nn.Module:
        """Load the policy."""


class Placement(Protocol):
    """How a run's processes hold the policy."""

    @property
    def collective(self) -> bool:
        """Whether every process must take part in each forward pass, generation and saving included."""

    def load(self, modality: Loader, device: torch.device) -> nn.Module:
        """The policy, ready for this process."""

    def whole(self, policy: nn.Module) -> Any:
        """A context with the policy whole on the first process, for saving; every process enters it."""


class Whole:
    """Every process has a copy: one process, or DDP."""

    collective = False

    def load(self, modality: Loader, device: torch.device) -> nn.Module:
        """See `Placement.load`."""
        return modality.load(device)

    @contextmanager
    def whole(self, policy: nn.Module) -> Iterator[nn.Module]:
        """See `Placement.whole`."""
        yield policy


class Divided:
    """FSDP2: every process has a share of each parameter, of its gradient and of the optimizer's state.

    Args:
        processes: the run's processes.
        precision: ``bfloat16`` if the forward pass is to compute in it.
    """

    collective = True

    def __init__(self, processes: Processes, precision: str | None) -> None:
        if precision == "float16":
            raise ConfigurationError(
                "float16 with its gradient scaler is not supported with FSDP2.",
                where="precision",
                fix="Use precision=bfloat16, or strategy=ddp.",
            )
        self.first = processes.first
        self.options: dict[str, Any] = {
            key: value for key, value in processes.options.items() if key in ("reshard_after_forward", "layers")
        }
        self.options["compute"] = torch.bfloat16 if precision == "bfloat16" else None
        self.skeleton: Skeleton | None = None

    def load(self, modality: Loader, device: torch.device) -> nn.Module:
        """See `Placement.load`. The model is read into main memory, and only the shares go to the devices."""
        policy: Any = modality.load(torch.device("cpu"))
        self.skeleton = Skeleton(policy)
        shard(policy, device, **self.options)
        _first_pass(policy, device)
        # A reference is a copy of the policy, and FSDP2 cannot copy modules itself.
        policy.__deepcopy__ = lambda memo: self._copy(policy, device)
        return policy

    def _copy(self, policy: nn.Module, device: torch.device) -> nn.Module:
        """A frozen copy of the policy at its present weights, divided in the same way."""
        assert self.skeleton is not None
        twin = self.skeleton.filled(whole_state(policy, keep=True)).eval().requires_grad_(False)
        shard(twin, device, **self.options)
        _first_pass(twin, device)
        return twin

    @contextmanager
    def whole(self, policy: nn.Module) -> Iterator[nn.Module]:
        """See `Placement.whole`."""
        assert self.skeleton is not None
        weights = whole_state(policy, keep=self.first)
        yield self.skeleton.filled(weights) if self.first else policy


class Partitioned:
    """DeepSpeed ZeRO, which takes over the policy when training starts.

    Args:
        stage: 2 (gradients and optimizer divided) or 3 (weights too).
    """

    def __init__(self, stage: int) -> None:
        self.stage = stage

    @property
    def collective(self) -> bool:
        """See `Placement.collective`."""
        return self.stage == 3

    def load(self, modality: Loader, device: torch.device) -> nn.Module:
        """See `Placement.load`."""
        if self.stage < 3:
            return modality.load(device)
        # transformers would divide the weights as they are read, and only DeepSpeed's engine, which comes with the
        # training, gathers them for a forward pass; the model is measured before.
        from transformers.integrations import deepspeed as integration

        found = integration._hf_deepspeed_config_weak_ref
        integration.unset_hf_deepspeed_config()
        try:
            return modality.load(device)
        finally:
            integration._hf_deepspeed_config_weak_ref = found

    @contextmanager
    def whole(self, policy: nn.Module) -> Iterator[nn.Module]:
        """See `Placement.whole`."""
        if self.stage < 3:
            yield policy
            return
        import deepspeed

        with deepspeed.zero.GatheredParameters(list(policy.parameters())):
            yield policy


def placement_of(processes: Processes, precision: str | None) -> Placement:
    """The placement of a strategy.

    Args:
        processes: the run's processes.
        precision: of the recipe.

    Raises:
        ConfigurationError: the strategy does not support the precision.
    """
    if processes.strategy == "fsdp":
        return Divided(processes, precision)
    if processes.strategy in ("zero2", "zero3"):
        return Partitioned(int(processes.strategy[-1]))
    return Whole()


def _first_pass(policy: Any, device: torch.device) -> None:
    """One forward pass through the outermost module: FSDP2 learns here which module that is.

    Scorers test parts of a language model before the whole is called, and the first called would count as outermost.
    """
    if hasattr(policy, "get_input_embeddings"):
        with torch.no_grad():
            policy(input_ids=torch.zeros((1, 2), dtype=torch.long, device=device))
