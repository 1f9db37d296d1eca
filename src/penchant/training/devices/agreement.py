"""What processes decide together, and what one says when another has ended."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from penchant.errors import TrainingError

__all__ = ["agreed", "anywhere", "is_first", "join_again", "leave_in_order", "other_process_errors"]

Decision = TypeVar("Decision")

# Messages of gloo and NCCL about a process that is gone.
GONE = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL", "ncclRemoteError", "Timed out")


def agreed(value: Decision) -> Decision:
    """The value that the first process gives; every process calls it. One process gets its own value back."""
    if not _connected():
        return value
    values = [value]
    torch.distributed.broadcast_object_list(values, src=0)
    return values[0]


def anywhere(value: bool) -> bool:
    """Whether any process says yes; every process calls it."""
    if not _connected():
        return value
    values = [value] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return any(values)


def is_first() -> bool:
    """Whether this is the first process, or the only one."""
    return not _connected() or torch.distributed.get_rank() == 0


def _connected() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def join_again(device: str | None = None) -> None:
    """Connect the processes of a run that torchrun has started again, before accelerate does.

    torchrun keeps its store over restarts, and with it the addresses of the processes that are gone. Here each attempt
    has names of its own in the store.

    Args:
        device: the recipe's ``device``; default: the accelerator, if there is one.
    """
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if attempt == "0" or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or torch.distributed.is_initialized():
        return
    found = None if device == "cpu" else torch.accelerator.current_accelerator(check_available=True)
    count, address = int(os.environ["WORLD_SIZE"]), os.environ["MASTER_ADDR"]
    store = torch.distributed.TCPStore(address, int(os.environ["MASTER_PORT"]), count, is_master=False)
    torch.distributed.init_process_group(
        torch.distributed.get_default_backend_for_device("cpu" if found is None else found.type),
        store=torch.distributed.PrefixStore(f"attempt {attempt}", store),
        rank=int(os.environ["RANK"]),
        world_size=count,
    )


def leave_in_order() -> None:
    """Close the communication between processes when Python ends; left open, gloo may abort a finished process."""
    atexit.unregister(_leave)
    atexit.register(_leave)


def _leave() -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextmanager
def other_process_errors(count: int) -> Iterator[None]:
    """Turn the error of a communication with a process that has ended into a sentence.

    Args:
        count: number of processes of the run.

    Raises:
        TrainingError: another process has ended.
    """
    try:
        yield
    except RuntimeError as error:
        if count < 2 or not any(mark in str(error) for mark in GONE):
            raise
        raise TrainingError(
            "Another process of the run has ended, so this one cannot go on.",
            why="The cause stands in the messages of that process. The last checkpoint is unchanged.",
            fix="Continue with --resume; `torchrun --max-restarts` with `--resume auto` does so by itself.",
        ) from error
