"""DeepSpeed ZeRO: its configuration for a recipe, and what must be there before it can start."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from penchant.errors import ConfigurationError
from penchant.training.devices.processes import Processes

__all__ = ["check_zero", "zero_config"]


def check_zero(
    processes: Processes,
    device: str | None = None,
    installed: Callable[[str], object] | None = None,
    runs_on: Callable[[], str] | None = None,
) -> None:
    """Refuse a run with DeepSpeed that could not start.

    Args:
        processes: the run's processes; nothing is checked unless their strategy is ``zero2`` or ``zero3``.
        device: the recipe's ``device``.
        installed: finds a package by name; default: `importlib.util.find_spec`.
        runs_on: says on what DeepSpeed runs here; default: DeepSpeed itself.

    Raises:
        ConfigurationError: DeepSpeed is not installed, or runs on something else than the model.
    """
    if not processes.strategy.startswith("zero"):
        return
    if not (installed or find_spec)("deepspeed"):
        raise ConfigurationError(
            f"strategy={processes.strategy} needs DeepSpeed, which is not installed.",
            where="strategy",
            fix="pip install deepspeed, or choose strategy=fsdp, which divides the same things and is part of PyTorch.",
        )
    import torch

    if device != "cpu" and torch.accelerator.is_available():
        return
    found = (runs_on or _runs_on)()
    if found != "cpu":
        raise ConfigurationError(
            f"The model is on the CPU, and DeepSpeed runs on {found} here.",
            where="strategy",
            fix="On CPUs use strategy=fsdp or ddp, or let DeepSpeed run there: DS_ACCELERATOR=cpu in the environment.",
        )


def _runs_on() -> str:
    from deepspeed.accelerator import get_accelerator

    return str(get_accelerator().device_name())


def zero_config(strategy: str, environment: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """DeepSpeed's configuration of a strategy, or None if accelerate launch has one.

    Sizes and number types are ``auto``: transformers fills them in from its own arguments. Losses are divided by the
    weight of the whole step before DeepSpeed sees them, and DeepSpeed averages over processes as DDP does.

    Args:
        strategy: ``zero2`` or ``zero3``; None for every other.
        environment: the variables set by the launcher; default: those of this process.

    Example:
        >>> zero_config("zero2", {})["zero_optimization"]["stage"]
        2
    """
    given = os.environ if environment is None else environment
    if not strategy.startswith("zero") or given.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true":
        return None
    stage = int(strategy[-1])
    divided: dict[str, Any] = {
        "stage": stage,
        "overlap_comm": True,
        "contiguous_gradients": True,
        "reduce_bucket_size": "auto",
    }
    if stage == 3:
        divided |= {
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            # Checkpoints and the final model hold whole weights.
            "stage3_gather_16bit_weights_on_model_save": True,
        }
    return {
        "zero_optimization": divided,
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "gradient_clipping": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        # The optimizer is the recipe's.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
    }
