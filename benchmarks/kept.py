"""`Kept`: the parts of a long benchmark on disk, so that a stopped one goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Kept"]


class Kept:
    """Results of parts in a folder, one JSON file each, with the settings that they were measured at.

    Args:
        folder: of the files.
        settings: a part that was measured at others is measured again.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = json.loads(json.dumps(settings))

    def part(self, name: str, measure: Callable[[], Any], **settings: Any) -> Any:
        """The result of a part: from its file, or measured now and written.

        Args:
            name: of its file, without ending.
            measure: gives what JSON can hold.
            settings: further ones of this part.
        """
        path = self.folder / f"{name}.json"
        wanted = {**self.settings, **json.loads(json.dumps(settings))}
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["settings"] == wanted:
                return found["result"]
        result = json.loads(json.dumps(measure()))
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")  # a run that is killed while it writes leaves no half of a file
        beside.write_text(json.dumps({"settings": wanted, "result": result}, indent=1), encoding="utf-8")
        os.replace(beside, path)
        return result
