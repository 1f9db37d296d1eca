"""`State`: the state of an online run between rounds, and its checkpoints."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from penchant.errors import CheckpointError
from penchant.manifest import Fault, fault_of, write_manifest
from penchant.objectives.core.objective import Objective
from penchant.online.measuring import Measured
from penchant.online.reference import UpdatedReference
from penchant.training.checkpoints import output_errors

__all__ = ["State", "load_state", "open_state", "pack", "save_state", "unpack"]

KEPT = 2
# In a state with a manifest; earlier versions wrote none.
SEALED = "sealed"

log = logging.getLogger("penchant")


@dataclass
class State:
    """The progress of an online run.

    Args:
        done: number of finished rounds.
        steps: optimizer steps of these rounds, and ``examples`` the number of their training examples.
        idle: rounds in a row, up to now, that had nothing to train on; ``skipped`` all such rounds.
        optimizer: the optimizer's state for the next round, or None for a fresh one.
        before: the measurement before the first round, and ``after`` the last one; None without a judge.
    """

    done: int = 0
    steps: int = 0
    examples: int = 0
    idle: int = 0
    skipped: int = 0
    optimizer: dict[str, Any] | None = None
    before: Measured | None = None
    after: Measured | None = None


def pack(state: State, policy: nn.Module, reference: UpdatedReference, objective: Objective) -> dict[str, Any]:
    """The content of a checkpoint; the number of finished rounds is in its file name.

    Args:
        state: progress of the run.
        policy, reference, objective: after the last round.
    """
    return {
        "policy": policy.state_dict(),
        "reference": None if reference.frozen is None else reference.frozen.state_dict(),
        "rule": reference.update.state_dict(),
        "before_last": reference.state_dict(),
        "objective": objective.state_dict(),
        "optimizer": state.optimizer,
        "counts": [state.steps, state.examples],
        "idle": [state.idle, state.skipped],
        "before": None if state.before is None else json.dumps(state.before.to_json()),
    }


def unpack(
    packed: dict[str, Any], done: int, policy: nn.Module, reference: UpdatedReference, objective: Objective
) -> State:
    """Load the result of `pack` into policy, reference and objective.

    Args:
        packed: the content of a checkpoint.
        done: its number of finished rounds.
        policy, reference, objective: changed in place.

    Returns:
        The progress of the run.
    """
    policy.load_state_dict(packed["policy"])
    if reference.frozen is not None:
        reference.frozen.load_state_dict(packed["reference"])
    reference.update.load_state_dict(packed["rule"])
    reference.load_state_dict(packed.get("before_last", {}))
    reference.begin_round(policy)
    _load_objective(objective, packed["objective"])
    steps, examples = packed["counts"]
    before = None if packed["before"] is None else Measured.from_json(json.loads(packed["before"]))
    idle, skipped = packed.get("idle", (0, 0))
    return State(done, steps, examples, idle, skipped, packed["optimizer"], before)


def _load_objective(objective: Objective, kept: Mapping[str, Any]) -> None:
    """Load the state of the objective, such as a critic.

    Raises:
        CheckpointError: a part of it is missing, or of another size.
    """
    absent = sorted(set(objective.state_dict()) - set(kept))
    if absent:
        raise CheckpointError(
            f"The saved state has no {absent[0]!r} of the objective {objective.id}.",
            where="the run's states",
            why="What the objective has learned, such as a critic, is part of the run.",
            fix="Start again with --overwrite, or restore the state from a backup.",
        )
    objective.load_state_dict(dict(kept))


def save_state(folder: Path, iteration: int, state: dict[str, Any], about: Mapping[str, str] | None = None) -> None:
    """Write the state before round ``iteration``, and keep only the last two states.

    Args:
        folder: of the states; created if missing.
        iteration: number of finished rounds.
        state: tensors, numbers, lists and dictionaries.
        about: whose state it is; part of its manifest.

    Raises:
        OutputError: it cannot be written; earlier states are unchanged.
    """
    target = _path_of(folder, iteration)
    draft = folder / f".{target.name}.part"
    with output_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        _seal_of(target).unlink(missing_ok=True)
        torch.save({**state, SEALED: True}, draft)
        draft.replace(target)
        write_manifest(_seal_of(target), [target], about)
    found = sorted(folder.glob("state-*.pt"))
    # Later ones could not be used, so the run went on from an earlier one.
    later = [path for path in found if path.name > target.name]
    for old in [*found[: len(found) - len(later)][:-KEPT], *later]:
        _seal_of(old).unlink(missing_ok=True)
        old.unlink()


def _seal_of(path: Path) -> Path:
    return path.with_suffix(".json")


def load_state(folder: Path, about: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]] | None:
    """The newest usable state with its number of finished rounds; None if there are no states.

    Args:
        folder: of the states.
        about: whose states they should be.

    Raises:
        CheckpointError: there are states, but none can be used.
    """
    faults: dict[str, str] = {}
    good: tuple[int, dict[str, Any]] | None = None
    for path in sorted(folder.glob("state-*.pt"), reverse=True):
        fault, packed = _opened(path, about)
        if packed is not None:
            good = int(path.stem.rsplit("-", 1)[1]), packed
            break
        faults[path.name] = str(fault)
    if faults and good is None:
        troubles = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        raise CheckpointError(
            f"No saved state of the run can be used ({troubles}).",
            where=str(folder),
            fix="Start again with --overwrite, or restore a state from a backup.",
        )
    for name, fault in faults.items():
        assert good is not None
        log.warning("%s cannot be used (%s); falling back to state-%05d.pt.", name, fault, good[0])
    return good


def open_state(folder: Path, done: int) -> dict[str, Any]:
    """The state that the first process has found good, for the others.

    Args:
        folder: of the states.
        done: its number of finished rounds.

    Raises:
        CheckpointError: this process cannot read it.
    """
    path = _path_of(folder, done)
    fault, packed = _opened(path, None)
    if packed is None:
        raise CheckpointError(
            f"This process of the run cannot use the state that the first one goes on from ({fault}).",
            where=str(path),
            fix="Give an output folder that all machines see.",
        )
    return packed


def _path_of(folder: Path, done: int) -> Path:
    return folder / f"state-{done:05d}.pt"


def _opened(path: Path, about: Mapping[str, str] | None) -> tuple[Fault, dict[str, Any] | None]:
    """What is wrong with a state, or its content."""
    there = _seal_of(path).is_file()
    if there and (fault := fault_of(_seal_of(path), about)) is not None:
        return fault, None
    try:
        packed: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types of errors for a damaged file
        return f"it cannot be read: {type(error).__name__}", None
    if packed.get(SEALED) and not there:
        return f"its manifest {_seal_of(path).name} is missing", None
    return None, packed
