"""Sampling for builders: the engine of a model's folder, and samples on disk until a build is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from penchant.generation.in_process import InProcessEngine
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.writing import write_json

__all__ = ["KeptSamples", "sampling_engine"]

Found = TypeVar("Found")


def sampling_engine(settings: Mapping[str, Any], kind: type[InProcessEngine] = TransformersEngine) -> InProcessEngine:
    """The engine that samples from the model of a builder.

    Args:
        settings: of the builder: ``model``, ``chat_template``, ``longest_prompt``, ``batch_size`` and ``device``.
        kind: of the engine.
    """
    import torch

    renderer = Renderer(load_tokenizer(settings["model"]), chat_template=settings["chat_template"])
    engine = kind(renderer, settings["longest_prompt"], batch_size=settings["batch_size"])
    device = settings["device"] or ("cuda" if torch.cuda.is_available() else "cpu")
    engine.use(load_model(settings["model"], device=device))
    return engine


class KeptSamples(Generic[Found]):
    """What was sampled so far, on disk if there is a file.

    Args:
        path: the file; None keeps nothing on disk.
        asked: what is sampled for; a file of something else is ignored.
        options: settings of sampling; a file of others is ignored.

    Example:
        >>> kept = KeptSamples[list[str]](None, ["Hi"], {})
        >>> kept.add([["Hello!"]])
        >>> kept.found
        [['Hello!']]
    """

    def __init__(self, path: Path | None, asked: Sequence[Any], options: Mapping[str, Any]) -> None:
        self.path, self.found = path, list[Found]()
        said = json.dumps([list(asked), dict(options)], default=str)
        self._key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
        if path is not None and path.is_file():
            try:
                read = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # an incomplete file is ignored
                read = {}
            if isinstance(read, dict) and read.get("of") == self._key:
                self.found = read["samples"]

    def add(self, several: Sequence[Found]) -> None:
        """Add what was sampled for the next ones."""
        self.found += several
        if self.path is not None:
            write_json(self.path, {"of": self._key, "samples": self.found}, "Samples", indent=None)
