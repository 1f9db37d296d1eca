"""Loading a projected model: the model inside, then its projections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ModelError
from penchant.likelihood.projected.layers import project_layer
from penchant.likelihood.projected.modeling_projected import PART, PREFIX, saved_directions

__all__ = ["OF_FILES", "add_projections", "without_projections"]

#: Arguments of ``from_pretrained`` that give the saved weights the names of the model inside.
OF_FILES: dict[str, Any] = {"key_mapping": {f"^{PREFIX}": ""}}


def without_projections(found: dict[str, Any]) -> dict[str, Any]:
    """The loading report of transformers without the directions, which `add_projections` reads.

    Args:
        found: the report.
    """
    return {**found, "unexpected_keys": {name for name in found["unexpected_keys"] if f".{PART}." not in name}}


def add_projections(model: Any, source: str | Path, layers: list[str]) -> None:
    """Project a model's layers with the directions of a folder; they are fixed.

    Args:
        model: the model inside, changed in place.
        source: folder or hub id.
        layers: the paths that its configuration names.

    Raises:
        ModelError: the directions are not those that the configuration names.
    """
    found = saved_directions(source)
    if sorted(found) != sorted(layers) or not layers:
        raise ModelError(
            f"The configuration names projections of {', '.join(sorted(layers)) or 'no layer'}, and the weights hold "
            f"those of {', '.join(sorted(found)) or 'no layer'}.",
            where=str(source),
            why="The model would compute other numbers than the one that was saved.",
            fix="Get config.json and the weights of the same model.",
        )
    for path, rows in found.items():
        place = next(model.get_submodule(path).parameters()).device
        project_layer(model, path, rows.to(place), rows[:0].to(place)).requires_grad_(False)
