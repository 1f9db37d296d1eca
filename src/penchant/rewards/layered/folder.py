"""The folder of a trained LEVI ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from penchant.rewards.frozen import read_part, write_part
from penchant.rewards.layered.network import LayeredEnsemble

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
        about: dict[str, Any] = {"model": self.model, "layers": list(self.layers), "shape": self.ensemble.shape}
        write_part(folder, "levi", self.ensemble.state_dict(), {**about, "chat_template": self.chat_template})


def load_layered(folder: str | Path) -> Layered:
    """Read a folder.

    Raises:
        ModelError: it holds no ensemble, or is damaged.
    """

    def build(tensors: dict[str, Tensor], about: dict[str, Any]) -> Layered:
        ensemble = LayeredEnsemble(**about["shape"])
        ensemble.load_state_dict(tensors)
        return Layered(ensemble.eval(), about["model"], tuple(about["layers"]), about["chat_template"])

    return read_part(folder, "levi", "ensemble of LEVI", build)
