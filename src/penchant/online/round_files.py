"""`RoundFiles`: the files of each round in a run's folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from penchant.online.rollouts import Rollout
from penchant.training.folder import RunFolder

__all__ = ["RoundFiles"]


class RoundFiles:
    """Files under ``rounds/NNNNN/`` of a run's folder: the samples and the checkpoints of each round.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def checkpoints(self, iteration: int) -> Path:
        """The folder of the checkpoints within a round."""
        return self.folder.path / self._name(iteration) / "checkpoints"

    def delete_checkpoints(self, before: int) -> None:
        """Delete the checkpoints within the first ``before`` rounds, also those whose deletion was cut short."""
        for number in range(before):
            shutil.rmtree(self.checkpoints(number), ignore_errors=True)

    def read(self, iteration: int) -> list[Rollout] | None:
        """The samples of a round; None if there is no complete file."""
        plain = self.folder.read_json(f"{self._name(iteration)}/rollouts.json")
        return None if plain is None else [Rollout.from_json(each) for each in plain]

    def write(self, iteration: int, rollouts: Sequence[Rollout]) -> None:
        """Write the samples of a round, whole or not at all."""
        (self.folder.path / self._name(iteration)).mkdir(parents=True, exist_ok=True)
        self.folder.write_json(f"{self._name(iteration)}/rollouts.json", [each.to_json() for each in rollouts])

    @staticmethod
    def _name(iteration: int) -> str:
        return f"rounds/{iteration + 1:05d}"
