"""`Processes`: how many processes a launcher has started, which one this is, and the strategy that they follow."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["Processes", "asked_of_launcher", "find_processes", "only_first_prints", "own_sharding"]

#: Strategies in words.
WORDS = {"ddp": "DDP", "fsdp": "FSDP2", "zero2": "DeepSpeed ZeRO-2", "zero3": "DeepSpeed ZeRO-3"}

# Options of torchrun and accelerate launch that ask for a number of processes (on this machine, or over all).
COUNTS = re.compile(r"--(?:num[-_]processes|nproc[-_]per[-_]node)(?:=(\d+))?$")
SHARDED, DEEPSPEED = "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"


@dataclass(frozen=True)
class Processes:
    """The processes of a run.

    Args:
        count: number of processes.
        rank: number of this process, from 0.
        strategy: ``single`` (one process), ``ddp``, ``fsdp``, ``zero2`` or ``zero3``.
        options: the launcher's settings for FSDP (``reshard_after_forward``, ``layers``).
        warnings: what the user should know about them.
    """

    count: int = 1
    rank: int = 0
    strategy: str = "single"
    options: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def first(self) -> bool:
        """Whether this process prints and writes the files."""
        return self.rank == 0

    def __str__(self) -> str:
        if self.count == 1:
            return "one process"
        return f"{self.count} processes, {WORDS[self.strategy]}"

    def facts(self) -> dict[str, Any]:
        """The entries of ``summary.json``."""
        return {"processes": self.count, "strategy": self.strategy}


def find_processes(
    strategy: str | None = None,
    expected: int | None = None,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> Processes:
    """The processes that a launcher has started.

    Args:
        strategy: the recipe's strategy, or None to follow the launcher.
        expected: the recipe's ``processes``.
        environment: the variables set by the launcher; default: those of this process.
        command: command line of the parent process; default: as the system knows it.

    Raises:
        ConfigurationError: launcher and recipe disagree, or the launcher's setting is not supported.
    """
    given = os.environ if environment is None else environment
    count, rank = int(given.get("WORLD_SIZE", "1")), int(given.get("RANK", "0"))
    launched = _strategy_of(given)
    if expected is not None and expected != count:
        raise ConfigurationError(
            f"The recipe asks for {expected} processes, and {_started(count)}.",
            where="processes",
            fix=f"Start it with `torchrun --nproc-per-node {expected} -m penchant train ...`.",
        )
    if strategy is not None and launched is not None and strategy != launched:
        raise ConfigurationError(
            f"The recipe has strategy={strategy}, and the launcher was configured for {launched}.",
            where="strategy",
            fix="Remove one of the two.",
        )
    if count > 1:
        chosen = strategy or launched or "ddp"
        return Processes(count, rank, chosen, _options(given) if chosen == "fsdp" else {})
    return Processes(warnings=tuple(_alone(strategy or launched, asked_of_launcher(given, command))))


def _started(count: int) -> str:
    return "one was started" if count == 1 else f"{count} were started"


def _alone(strategy: str | None, asked: int | None) -> list[str]:
    """What to say about a run of one process that was meant to have several."""
    if asked is not None and asked > 1:
        return [
            f"The launcher was asked for {asked} processes and started one. accelerate launch does so without GPUs, "
            "even with --cpu; torchrun --nproc-per-node starts all."
        ]
    if strategy is not None:
        return [f"strategy={strategy} has no effect: one process was started. See docs/scaling.md for launchers."]
    return []


def asked_of_launcher(environment: Mapping[str, str], command: Sequence[str] | None = None) -> int | None:
    """The number of processes that the launcher's command line asks for; None without such a launcher.

    Args:
        environment: the variables set by the launcher.
        command: command line of the parent process; default: as the system knows it.

    Example:
        >>> asked_of_launcher({"ACCELERATE_MIXED_PRECISION": "no"}, ["accelerate", "launch", "--num_processes", "2"])
        2
    """
    if not any(name.startswith("ACCELERATE_") for name in environment):
        return None
    words = list(_parent() if command is None else command)
    for place, word in enumerate(words):
        if (found := COUNTS.match(word)) is not None:
            value = found[1] or (words[place + 1] if place + 1 < len(words) else "")
            return int(value) if value.isdigit() else None
    files = [after for word, after in pairwise(words) if word in ("--config_file", "--config-file")]
    return _configured(files[0]) if files else None


def _parent() -> list[str]:
    import psutil

    try:
        return list(psutil.Process().parent().cmdline())
    except (psutil.Error, AttributeError):
        return []


def _configured(file: str) -> int | None:
    import yaml

    try:
        values = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        return int(values["num_processes"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None


def _strategy_of(environment: Mapping[str, str]) -> str | None:
    """The strategy that accelerate launch was configured for."""
    if _is_on(environment, DEEPSPEED):
        stage = environment.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")
        if stage not in ("2", "3"):
            raise ConfigurationError(
                f"The launcher is configured for DeepSpeed with ZeRO stage {stage}.",
                where="accelerate launch",
                fix="Choose stage 2 or 3, or strategy ddp without DeepSpeed.",
            )
        return f"zero{stage}"
    return "fsdp" if _is_on(environment, SHARDED) else None


def _options(environment: Mapping[str, str]) -> dict[str, Any]:
    """The launcher's settings of FSDP under our names.

    Raises:
        ConfigurationError: a setting changes what is computed where, and is not supported.
    """
    if _is_on(environment, "FSDP_OFFLOAD_PARAMS"):
        raise ConfigurationError(
            "fsdp_offload_params, which the launcher is configured for, is not supported.",
            where="accelerate launch",
            fix="Set fsdp_offload_params: false; reference=cached or lora save memory.",
        )
    found: dict[str, Any] = {}
    if (reshard := environment.get("FSDP_RESHARD_AFTER_FORWARD")) is not None:
        # FSDP1's names of the same choice are accepted as accelerate does.
        found["reshard_after_forward"] = reshard.lower() in ("true", "1", "full_shard")
    if layers := environment.get("FSDP_TRANSFORMER_CLS_TO_WRAP"):
        found["layers"] = tuple(each.strip() for each in layers.split(","))
    if _is_on(environment, "FSDP_ACTIVATION_CHECKPOINTING"):
        found["gradient_checkpointing"] = True
    return found


def _is_on(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "false").lower() in ("true", "1")


@contextmanager
def own_sharding(processes: Processes, environment: MutableMapping[str, str] | None = None) -> Iterator[None]:
    """Hide the launcher's FSDP settings from accelerate, which would shard the model only once training starts.

    Here it is sharded as soon as it is loaded, so that the measurement before training needs no whole copy either.
    """
    given = os.environ if environment is None else environment
    former = given.pop(SHARDED, None) if processes.strategy == "fsdp" or processes.count == 1 else None
    try:
        with warnings.catch_warnings():
            # What a scorer returns is changed in place nowhere.
            warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
            yield
    finally:
        if former is not None:
            given[SHARDED] = former


@contextmanager
def only_first_prints(processes: Processes) -> Iterator[None]:
    """Silence the warnings of Python and of other libraries on every process but the first."""
    if processes.first:
        yield
        return
    former = logging.root.manager.disable
    # Errors are still shown: the first process does not know of them.
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(former)
