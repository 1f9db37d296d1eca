"""Tensors in files of safetensors, read part by part with plain reads, so that no file is mapped into memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from penchant.errors import ModelError
from penchant.model_files import check_weight_files
from penchant.training.merging.values import PART, Values

__all__ = ["Stored", "StoredTensor", "header_of", "stored_tensors"]

#: Number types of safetensors that are merged; the others (counters, masks) must be equal in all models.
FLOATING = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies.

    Args:
        file: of safetensors.
        name: of the tensor.
        kind: its number type, as safetensors names it.
        shape: of the tensor.
        start: its first byte in the file.
        length: its bytes.
    """

    file: Path
    name: str
    kind: str
    shape: tuple[int, ...]
    start: int
    length: int

    @property
    def dtype(self) -> torch.dtype | None:
        """The number type, or None for one that is not merged."""
        return FLOATING.get(self.kind)

    def bytes_in_parts(self) -> Iterator[bytes]:
        """The stored bytes, in parts of 8 MB."""
        with self.file.open("rb", buffering=0) as file:
            file.seek(self.start)
            rest = self.length
            while rest > 0:
                found = file.read(min(rest, 4 * PART))
                if not found:
                    raise ModelError("The file of weights ends too early.", where=str(self.file))
                rest -= len(found)
                yield found


class Stored(Values):
    """The numbers of a tensor in a file.

    Args:
        tensor: where it lies; of a floating type.
    """

    def __init__(self, tensor: StoredTensor) -> None:
        super().__init__(math.prod(tensor.shape))
        self.tensor = tensor

    def parts(self) -> Iterator[Tensor]:
        """See `Values.parts`."""
        kind = self.tensor.dtype
        assert kind is not None
        wide = kind if kind == torch.float64 else torch.float32
        with self.tensor.file.open("rb", buffering=0) as file:
            file.seek(self.tensor.start)
            for first in range(0, self.size, PART):
                part = torch.empty(min(PART, self.size - first), dtype=kind)
                _fill(file, part, self.tensor.file)
                yield part.to(wide)


def _fill(file: object, part: Tensor, path: Path) -> None:
    view = memoryview(part.view(torch.uint8).numpy().data)
    while len(view):
        count = file.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise ModelError("The file of weights ends too early.", where=str(path), fix="Copy the file again.")
        view = view[count:]


def header_of(file: Path) -> bytes:
    """The beginning of a file of safetensors, up to the first number: its length in 8 bytes, then JSON."""
    with file.open("rb") as opened:
        size = opened.read(8)
        return size + opened.read(int.from_bytes(size, "little"))


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """All tensors of a model's folder by name, in the order in which they lie in its files.

    Raises:
        ModelError: the weights are missing, damaged, or not in safetensors.
    """
    check_weight_files(folder, "No model")
    found: dict[str, StoredTensor] = {}
    for file in _weight_files(folder):
        header = header_of(file)
        table = json.loads(header[8:])
        table.pop("__metadata__", None)
        for name, facts in sorted(table.items(), key=lambda each: each[1]["data_offsets"]):
            begin, end = facts["data_offsets"]
            if name in found:
                raise ModelError(
                    f"The tensor {name} is in two files: {found[name].file.name} and {file.name}.", where=str(folder)
                )
            shape = tuple(facts["shape"])
            found[name] = StoredTensor(file, name, facts["dtype"], shape, len(header) + begin, end - begin)
    return found


def _weight_files(folder: Path) -> list[Path]:
    """The files of weights, as transformers chooses them."""
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        raise ModelError(
            "The weights of this model are not in safetensors.",
            where=str(folder),
            fix="Load it with transformers and save it with save_pretrained, which writes model.safetensors.",
        )
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / name for name in dict.fromkeys(sorted(names))]
