"""Loading a projected model: the model inside, then its projections and bottlenecks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ModelError
from penchant.likelihood.projected.layer_parts import BOTTLENECKS, PART, PREFIX_PART
from penchant.likelihood.projected.layers import project_layer
from penchant.likelihood.projected.modeling_projected import (
    PREFIX,
    attach_bottleneck,
    saved_bottlenecks,
    saved_directions,
)

__all__ = ["OF_FILES", "add_parts", "without_parts"]

#: Arguments of ``from_pretrained`` that give the saved weights the names of the model inside.
OF_FILES: dict[str, Any] = {"key_mapping": {f"^{PREFIX}": ""}}


def without_parts(found: dict[str, Any]) -> dict[str, Any]:
    """The loading report of transformers without the weights that `add_parts` reads.

    Args:
        found: the report.
    """
    own = [f".{each}." for each in (PART, PREFIX_PART, *BOTTLENECKS)]
    left = {name for name in found["unexpected_keys"] if not any(each in name for each in own)}
    return {**found, "unexpected_keys": left}


def add_parts(model: Any, source: str | Path, projected: dict[str, Any]) -> None:
    """Add the projections and bottlenecks of a folder to a model; they are fixed.

    Args:
        model: the model inside, changed in place.
        source: folder or hub id.
        projected: its configuration.

    Raises:
        ModelError: they are not those that the configuration names.
    """
    layers, blocks = (list(projected.get(each) or []) for each in ("layers", "bottlenecks"))
    found, networks = saved_directions(source), saved_bottlenecks(source)
    for what, named, saved in (("projections of", layers, found), ("bottlenecks", blocks, networks)):
        if sorted(saved) != sorted(named) or not (layers or blocks):
            raise ModelError(
                f"The configuration names {what} {', '.join(sorted(named)) or 'no layer'}, and the weights hold "
                f"those of {', '.join(sorted(saved)) or 'no layer'}.",
                where=str(source),
                why="The model would compute other numbers than the one that was saved.",
                fix="Get config.json and the weights of the same model.",
            )
    for path, network in networks.items():
        block, _dot, kind = path.rpartition(".")
        place = next(model.get_submodule(block).parameters()).device
        attach_bottleneck(model, block, kind, network.to(place).requires_grad_(False))
    for path, rows in found.items():
        place = next(model.get_submodule(path).parameters()).device
        project_layer(model, path, rows.to(place), rows[:0].to(place)).requires_grad_(False)
