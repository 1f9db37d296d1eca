"""The inputs of the pipeline ``itool`` from the world of tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from penchant.lab.worlds.tools.methods import TOOLS
from penchant.writing import write_rows

__all__ = ["write_inputs"]


def write_inputs(folder: Path, names: Sequence[str], seed: int = 0) -> dict[str, str]:
    """Write data and a recipe, and train the start model if this machine has none.

    ``tasks`` are requests with their right calls. ``recipe`` searches on them as `penchant lab tools` does, and
    measures on other requests.

    Args:
        folder: for the files; made if absent.
        names: of what is wanted; what the world does not have is left out.
        seed: of the requests.

    Returns:
        The place of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = {name: str(folder / file) for name, file in (("tasks", "tasks.jsonl"), ("recipe", "itool.yaml"))}
    rows = {part: [row for row in TOOLS.rows(seed) if row["split"] == part] for part in ("train", "test")}
    held_out = folder / "held-out.jsonl"
    write_rows(places["tasks"], rows["train"], "The requests")
    write_rows(held_out, rows["test"], "The held-out requests")
    keys = {
        "method": "itool",
        **TOOLS.keys,
        **TOOLS.methods["itool"],
        "eval_data": str(held_out.resolve()),
        "samples": 0,
    }
    (folder / "itool.yaml").write_text(yaml.safe_dump(keys, sort_keys=False), encoding="utf-8")
    if "model" in names:
        places["model"] = str(TOOLS.start() / "start" / "model")
    return {name: place for name, place in places.items() if name in names}
