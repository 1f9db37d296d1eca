"""`RoundFiles`: the files of each round in a run's folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from penchant.manifest import fault_of, write_manifest
from penchant.online.rollouts import Rollout
from penchant.training.checkpoints import output_errors
from penchant.training.devices.agreement import agreed, is_first
from penchant.training.folder import RunFolder

__all__ = ["DRAWN", "ROLLOUTS", "RoundFiles"]

#: The samples of a round as they are trained on, and as they were drawn while the round before was trained.
ROLLOUTS, DRAWN = "rollouts", "drawn"

log = logging.getLogger("penchant")


class RoundFiles:
    """Files under ``rounds/NNNNN/`` of a run's folder: the samples and the checkpoints of each round.

    Of several processes the first one writes and reads, and tells the others.

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
        for number in range(before if is_first() else 0):
            shutil.rmtree(self.checkpoints(number), ignore_errors=True)

    def read(self, iteration: int) -> list[Rollout] | None:
        """The samples of a round; None if there is no complete file, or it is damaged or not of this run and round."""
        return agreed(self.read_here(iteration) if is_first() else None)

    def read_here(self, iteration: int, name: str = ROLLOUTS) -> list[Rollout] | None:
        """The samples of a round, for the process that asks."""
        place = self.folder.path / self._name(iteration)
        file, seal = _in(place, name)
        # Without its seal the file was cut short while it was written, which is no damage.
        if not file.is_file() or not seal.is_file():
            return None
        if (fault := fault_of(seal, self._about(iteration))) is not None:
            log.warning(
                "The samples of round %d cannot be used (%s); the round is sampled again.", iteration + 1, fault
            )
            return None
        plain = self.folder.read_json(f"{self._name(iteration)}/{file.name}")
        return None if plain is None else [Rollout.from_json(each) for each in plain]

    def write(self, iteration: int, rollouts: Sequence[Rollout], name: str = ROLLOUTS) -> None:
        """Write the samples of a round, whole or not at all; the final ones replace those that were drawn."""
        if not is_first():
            return
        place = self.folder.path / self._name(iteration)
        place.mkdir(parents=True, exist_ok=True)
        file, seal = _in(place, name)
        seal.unlink(missing_ok=True)
        self.folder.write_json(f"{self._name(iteration)}/{file.name}", [each.to_json() for each in rollouts])
        with output_errors(place):
            write_manifest(seal, [file], self._about(iteration))
        if name == ROLLOUTS:
            for each in _in(place, DRAWN):
                each.unlink(missing_ok=True)

    def forget_after(self, iteration: int) -> None:
        """Delete the checkpoints within later rounds, which are trained again from the state before ``iteration``.

        Args:
            iteration: number of finished rounds of that state.
        """
        for place in (self.folder.path / "rounds").glob("*[0-9]/checkpoints"):
            if int(place.parent.name) > iteration + 1:
                shutil.rmtree(place, ignore_errors=True)

    def _about(self, iteration: int) -> dict[str, str]:
        return {**self.folder.about, "round": str(iteration + 1)}

    @staticmethod
    def _name(iteration: int) -> str:
        return f"rounds/{iteration + 1:05d}"


def _in(place: Path, name: str) -> tuple[Path, Path]:
    """A file of samples and its seal."""
    return place / f"{name}.json", place / f"{name}.manifest.json"
