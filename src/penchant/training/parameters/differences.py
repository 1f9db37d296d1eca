"""Sparse differences between two sets of weights: written, read, and added to a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from penchant.errors import ModelError

__all__ = ["DIFFERENCE_FILE", "add_difference", "read_difference", "save_difference"]

#: The file of a run's folder that holds its sparse difference.
DIFFERENCE_FILE = "difference.safetensors"
FORMAT = "penchant-difference-1"
# Smaller changes are rounding.
LEAST = 1e-7


def save_difference(file: Path, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> int:
    """Write the entries that differ by more than 1e-7, as flat places and float32 values.

    Args:
        file: to write.
        before: weights by name.
        after: weights of the same names and shapes.

    Returns:
        How many entries differ.
    """
    found: dict[str, Tensor] = {}
    for name, first in before.items():
        change = (after[name].float() - first.float()).flatten().cpu()
        places = (change.abs() > LEAST).nonzero().flatten()
        found |= {f"{name}:places": places, f"{name}:values": change[places]}
    shapes = {name: "x".join(map(str, each.shape)) for name, each in before.items()}
    save_file(found, file, metadata={"format": FORMAT, **shapes})
    return sum(each.numel() for name, each in found.items() if name.endswith(":values"))


def read_difference(file: Path) -> dict[str, tuple[tuple[int, ...], Tensor, Tensor]]:
    """Shape, places and values of each tensor of a difference.

    Args:
        file: of `save_difference`, or a folder that holds it.

    Raises:
        ModelError: it is no such file.
    """
    file = file / DIFFERENCE_FILE if file.is_dir() else file
    try:
        with safe_open(str(file), framework="pt") as opened:
            shapes = dict(opened.metadata() or {})
            if shapes.pop("format", None) != FORMAT:
                raise ModelError("The file holds no sparse difference.", where=str(file), fix=_FIX)
            return {
                name: (
                    tuple(int(each) for each in shape.split("x")),
                    opened.get_tensor(f"{name}:places"),
                    opened.get_tensor(f"{name}:values"),
                )
                for name, shape in shapes.items()
            }
    except (OSError, ValueError) as error:
        raise ModelError(f"The difference cannot be read ({error}).", where=str(file), fix=_FIX) from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise ModelError("The file is no safetensors file.", where=str(file), fix=_FIX) from error


_FIX = "Give the folder of a run with parameters=lt-sft, or its difference.safetensors."


@torch.no_grad()
def add_difference(model: nn.Module, file: Path, factor: float = 1.0) -> int:
    """Add a sparse difference to a model's weights, in place.

    Args:
        model: the base, or a model with other differences added.
        file: see `read_difference`.
        factor: of the difference; -1 takes it away again.

    Returns:
        How many entries were changed.

    Raises:
        ModelError: the difference is of another architecture; nothing is changed then.
    """
    weights, found = dict(model.named_parameters()), read_difference(file)
    for name, (shape, _places, _values) in found.items():
        if name not in weights or tuple(weights[name].shape) != shape:
            here = "no such weight" if name not in weights else f"the shape {tuple(weights[name].shape)}"
            raise ModelError(
                f"The difference has {name} of shape {shape}, the model has {here}.",
                where=str(file),
                why="A difference can be added only to the model that it was trained from.",
                fix="Give that model.",
            )
    for name, (_shape, places, values) in found.items():
        flat = weights[name].data.view(-1)
        places = places.to(flat.device)
        exact = torch.promote_types(flat.dtype, torch.float32)
        flat[places] = (flat[places].to(exact) + factor * values.to(flat.device, exact)).to(flat.dtype)
    return sum(len(values) for _shape, _places, values in found.values())
