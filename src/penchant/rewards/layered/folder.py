"""The folder of a trained LEVI ensemble."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import ModelError
from penchant.rewards.layered.network import LayeredEnsemble
from penchant.writing import replacing, write_json

__all__ = ["LAYERED_FILE", "WEIGHTS_FILE", "Layered", "load_layered"]

#: What the folder holds beside the weights.
LAYERED_FILE = "levi.json"
WEIGHTS_FILE = "levi.safetensors"


@dataclass(frozen=True)
class Layered:
    """An ensemble and what it reads.

    Args:
        ensemble: the trained part.
        model: folder or hub id of the frozen model.
        layers: numbers of the layers that are read, from 1.
        chat_template: of the training; None for the tokenizer's own.
    """

    ensemble: LayeredEnsemble
    model: str
    layers: tuple[int, ...]
    chat_template: str | None = None

    def save(self, folder: str | Path) -> None:
        """Write the folder."""
        from safetensors.torch import save

        goal = Path(folder)
        goal.mkdir(parents=True, exist_ok=True)
        with replacing(goal / WEIGHTS_FILE) as file:
            file.write(save({name: each.contiguous() for name, each in self.ensemble.state_dict().items()}))
        about: dict[str, Any] = {"model": self.model, "layers": list(self.layers), "shape": self.ensemble.shape}
        write_json(goal / LAYERED_FILE, {**about, "chat_template": self.chat_template}, "The ensemble")


def load_layered(folder: str | Path) -> Layered:
    """Read a folder.

    Raises:
        ModelError: it holds no ensemble, or is damaged.
    """
    from safetensors.torch import load_file

    place = Path(folder)
    try:
        about = json.loads((place / LAYERED_FILE).read_text(encoding="utf-8"))
        ensemble = LayeredEnsemble(**about["shape"])
        ensemble.load_state_dict(load_file(place / WEIGHTS_FILE))
        found = Layered(ensemble.eval(), about["model"], tuple(about["layers"]), about["chat_template"])
    except Exception as error:  # safetensors and torch raise types of their own
        raise ModelError(
            f"The folder holds no ensemble of LEVI ({type(error).__name__}: {str(error)[:200]}).",
            where=str(folder),
            fix="Give the folder that `penchant levi` wrote.",
        ) from error
    return found
