"""The run's folder: claimed before any work, written so that a reader never sees half a file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, OutputError

__all__ = ["RunFolder"]


class RunFolder:
    """A folder that holds one run.

    Args:
        path: where it is; made by `claim`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Where the trained model goes."""
        return self.path / "model"

    def claim(self, *, resume: bool, overwrite: bool) -> None:
        """Make the folder ours, or say why it cannot be.

        Args:
            resume: go on with the run that is in it.
            overwrite: delete the run that is in it.

        Raises:
            OutputError: it holds another run, or cannot be written.
        """
        if resume and overwrite:
            raise OutputError("--resume and --overwrite were both given.", where=str(self.path), fix="Choose one.")
        try:
            if self.path.is_dir() and any(self.path.iterdir()) and not resume:
                self._clear(overwrite)
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
        except OSError as error:
            raise OutputError(
                f"The output folder cannot be written ({error.strerror or error}).",
                where=str(self.path),
                fix="Choose another folder with --out, or free space on the disk.",
            ) from error

    def _clear(self, overwrite: bool) -> None:
        ours = (self.path / "recipe.yaml").exists() or self.checkpoints.exists()
        if not overwrite or not ours:
            held = "another run" if ours else "files that are not a run"
            fix = "Give --resume to go on with it, --overwrite to delete it, or another folder with --out."
            if not ours:
                fix = "Give an empty or new folder with --out."
            raise OutputError(f"The output folder already holds {held}.", where=str(self.path), fix=fix)
        for name in ("recipe.yaml", "metrics.jsonl", "summary.json", "rewards.json", "samples.json", "doctor.json"):
            (self.path / name).unlink(missing_ok=True)
        for name in ("before.json", "report.html"):
            (self.path / name).unlink(missing_ok=True)
        for folder in (self.checkpoints, self.model, self.path / "adapter"):
            shutil.rmtree(folder, ignore_errors=True)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file whole or not at all."""
        self.write_text(name, json.dumps(content, indent=1, default=str))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole or not at all.

        Raises:
            OutputError: the disk is full or the folder went away.
        """
        target = self.path / name
        draft = target.with_name(f".{target.name}.part")
        try:
            draft.write_text(text, encoding="utf-8")
            os.replace(draft, target)
        except OSError as error:
            raise OutputError(
                f"{name} cannot be written ({error.strerror or error}).",
                where=str(self.path),
                fix="Free space on the disk, then go on with --resume.",
            ) from error

    def read_json(self, name: str) -> Any:
        """A JSON file of the run, or None where it is absent or torn."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write_recipe(self, values: dict[str, Any]) -> None:
        """Write the resolved recipe."""
        import yaml

        self.write_text("recipe.yaml", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))

    def check_same(self, values: dict[str, Any]) -> None:
        """Refuse to resume a run under another recipe.

        Raises:
            ConfigurationError: a key that the numbers depend on has changed.
        """
        import yaml

        path = self.path / "recipe.yaml"
        if not path.is_file():
            return
        former = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        free = {
            "output",
            "save_every",
            "keep_checkpoints",
            "samples",
            "sample_tokens",
            "report_to",
            "accumulate",
            "device",
        }
        for key in sorted((set(former) | set(values)) - free):
            if former.get(key) != values.get(key):
                raise ConfigurationError(
                    f"The run was started with {key} = {former.get(key)!r}, and is to go on with {values.get(key)!r}.",
                    where=str(path),
                    fix="Resume with the same recipe, or start another run in another folder.",
                )
