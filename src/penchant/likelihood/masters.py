"""Float32 masters of weights that are stored in bfloat16 or float16.

An optimizer's step is often smaller than half the distance between two neighbouring bfloat16 or float16 numbers.
Weights of such a type would stay where they are, or jump by a whole distance. So trained weights are float32 (masters),
and rounded to the stored type when the trained model is saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from penchant.likelihood.core import core_model, has_adapter
from penchant.likelihood.number_types import REDUCED

__all__ = ["as_stored", "keep_stored", "make_masters", "without_stored"]

# The attribute of a model that describes the stored form of each weight that became a master.
RECORD = "stored_forms"
# The attribute that lists the hooks of layers that compute in float32.
CASTS = "float32_casts"
# Numbers of each weight that are kept, to find out how much of the training its stored type can hold.
SAMPLED = 4096


@dataclass(frozen=True)
class Stored:
    """The stored form of a weight: its number type, and some of its numbers."""

    dtype: torch.dtype
    sample: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> Stored:
        """The form of a weight that is still as stored."""
        return cls(weight.dtype, _some(weight).cpu())


def _some(weight: Tensor) -> Tensor:
    """At most `SAMPLED` numbers of a weight, evenly spread."""
    flat = weight.detach().reshape(-1)
    return flat[:: max(1, -(-len(flat) // SAMPLED))].float()


def make_masters(model: nn.Module) -> None:
    """Make every trained weight float32, in place; `as_stored` goes back.

    Without an adapter, frozen weights other than matrices become float32 too: they decide the number type in which
    layers pass their results on, which must be the same in the policy and in its frozen copy. With an adapter layers
    pass their results on as stored; one that is trained itself (``modules_to_save``, ``bias``) computes in float32.

    Args:
        model: a policy; weights that are float32 or quantized stay as they are.
    """
    adapted, core = has_adapter(model), core_model(model)
    matrices = {f"{prefix}{name}" for prefix, _module, name in _matrices(core)}
    record: dict[str, Stored] = dict(getattr(core, RECORD, {}))
    for name, weight in core.named_parameters():
        if weight.dtype in REDUCED.values() and (weight.requires_grad or not (adapted or name in matrices)):
            record[name] = Stored.of(weight)
            weight.data = weight.data.float()
    if adapted:
        record |= _layers_in_float32(core, record)
    if record:
        setattr(core, RECORD, record)


def _layers_in_float32(core: nn.Module, record: dict[str, Stored]) -> dict[str, Stored]:
    """Let the trained layers of a model with an adapter compute in float32, and pass on the stored type.

    PEFT converts between the types of its own layers and their bases; it does not for layers that are trained whole.

    Args:
        core: a model with masters.
        record: the stored forms of its masters.

    Returns:
        The stored forms of frozen weights that became float32 beside a master of the same layer.
    """
    more: dict[str, Stored] = {}
    casts = []
    for path, layer in core.named_modules():
        own = {f"{path}.{name}": weight for name, weight in layer.named_parameters(recurse=False)}
        masters = [name for name in own if name in record]
        if not masters or "lora_" in path:
            continue
        for name, weight in own.items():
            if weight.dtype in REDUCED.values():
                more[name] = Stored.of(weight)
                weight.data = weight.data.float()
        casts += [
            layer.register_forward_pre_hook(_to_float32),
            layer.register_forward_hook(partial(_to_stored, dtype=record[masters[0]].dtype)),
        ]
    vars(core)[CASTS] = [*vars(core).get(CASTS, []), *casts]
    return more


def _to_float32(_layer: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.float() if torch.is_tensor(each) and each.is_floating_point() else each for each in given)


def _to_stored(_layer: nn.Module, _given: Any, result: Any, dtype: torch.dtype) -> Any:
    return result.to(dtype) if torch.is_tensor(result) and result.is_floating_point() else result


def as_stored(model: nn.Module) -> float:
    """Round masters to the types in which they were stored, in place.

    Returns:
        The share of the training that the stored types hold: Σ (r − w₀)(w − w₀) / Σ (w − w₀)² over a sample of the
        weights, with w₀ before training, w the master and r the rounded master. 1.0 if nothing was trained.
    """
    core = core_model(model)
    record: dict[str, Stored] = core.__dict__.pop(RECORD, {})
    for cast in core.__dict__.pop(CASTS, []):
        cast.remove()
    held = moved = 0.0
    for name, weight in core.named_parameters():
        if name in record:
            change = _some(weight).cpu() - record[name].sample
            weight.data = weight.data.to(record[name].dtype)
            held += float(((_some(weight).cpu() - record[name].sample) * change).double().sum())
            moved += float(change.double().square().sum())
    return held / moved if moved else 1.0


class _Float32(nn.Module):
    """A stored matrix as a layer sees it."""

    def forward(self, stored: Tensor) -> Tensor:
        return stored.float()


def keep_stored(copied: nn.Module, forward: str | None) -> None:
    """Bring the matrices of a frozen copy back to their stored type, with the same results and half the memory.

    At the start of a run a master is exactly its stored number. Layers of the copy see their matrices in float32, as
    the policy does; where autocast rounds a layer's matrix to its stored type, the layer takes it as it is.

    Args:
        copied: a frozen copy of a policy with masters, at its initial weights.
        forward: number type of the forward pass under autocast, or None.
    """
    core = core_model(copied)
    record: dict[str, Stored] = getattr(core, RECORD, {})
    for prefix, module, name in list(_matrices(core)):
        stored = record.get(f"{prefix}{name}")
        if stored is None:
            continue
        weight = module.get_parameter(name)
        weight.data = weight.data.to(stored.dtype)
        rounded = isinstance(module, nn.Linear) and REDUCED.get(forward or "") == stored.dtype
        if not rounded:
            # Unsafe, because the number type changes.
            parametrize.register_parametrization(module, name, _Float32(), unsafe=True)


def without_stored(copied: nn.Module) -> None:
    """Make all weights of a frozen copy float32 again, so that it can follow a policy in small steps."""
    for module in list(copied.modules()):
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, name, leave_parametrized=False)
    record: dict[str, Stored] = getattr(core_model(copied), RECORD, {})
    for name, weight in core_model(copied).named_parameters():
        if name in record:
            weight.data = weight.data.float()


def _matrices(core: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """Prefix, module and name of every matrix of a layer; tables of embeddings are none, even where also a head."""
    tables = {id(module.weight) for module in core.modules() if isinstance(module, nn.Embedding)}
    for path, module in core.named_modules():
        for name, weight in module.named_parameters(recurse=False):
            if weight.ndim > 1 and id(weight) not in tables:
                yield f"{path}." if path else "", module, name
