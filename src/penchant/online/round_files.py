"""The files of each round in a run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penchant.online.rollouts import Rollout
from penchant.training.folder import RunFolder

__all__ = ["RoundFiles"]


class RoundFiles:
    """The files of the rounds in a run's folder: ``rounds/NNNNN/``, with what was sampled and the round's checkpoints.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def checkpoints(self, iteration: int) -> Path:
        """Where the checkpoints within a round go."""
        return self.folder.path / self._name(iteration) / "checkpoints"

    def read(self, iteration: int) -> list[Rollout] | None:
        """What was sampled in a round; None where no whole file says it."""
        plain = self.folder.read_json(f"{self._name(iteration)}/rollouts.json")
        return None if plain is None else [Rollout.from_json(each) for each in plain]

    def write(self, iteration: int, rollouts: Sequence[Rollout]) -> None:
        """Write what was sampled in a round, whole or not at all."""
        (self.folder.path / self._name(iteration)).mkdir(parents=True, exist_ok=True)
        self.folder.write_json(f"{self._name(iteration)}/rollouts.json", [each.to_json() for each in rollouts])

    @staticmethod
    def _name(iteration: int) -> str:
        return f"rounds/{iteration + 1:05d}"
