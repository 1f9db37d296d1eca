"""Runs that are killed from inside and go on."""

from __future__ import annotations

from typing import Any

import pytest

from online.conftest import Run
from penchant.training.run import Result
from small_runs import largest_gap, losses, weights

__all__ = ["Killed", "killed_and_resumed", "killed_at"]


class Killed(Exception):
    """What a kill looks like from inside."""


def killed_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int) -> None:
    """Let the ``call``-th call of a method die before it does anything."""
    original, calls = getattr(owner, name), []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)


def killed_and_resumed(
    online: Run, keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch, whole: Result, *place: Any
) -> Result:
    """A run that is killed at a place and resumed; it has the losses and the bits of the uninterrupted one."""
    with monkeypatch.context() as patch:
        killed_at(patch, *place)
        with pytest.raises(Killed):
            online("killed", **keys)
    resumed = online("killed", resume=True, **keys)
    assert losses(resumed.folder) == losses(whole.folder)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0
    return resumed
