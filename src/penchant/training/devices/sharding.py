"""FSDP2: a model divided over all processes, and the whole tensors of its parts."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.likelihood.core import core_model, reshard

__all__ = ["Skeleton", "is_sharded", "like", "reshard", "shard", "whole", "whole_state"]

log = logging.getLogger("penchant")


def shard(
    model: nn.Module,
    device: torch.device,
    *,
    compute: torch.dtype | None = None,
    reshard_after_forward: bool = True,
    layers: tuple[str, ...] = (),
) -> None:
    """Divide a model over all processes, in place: each keeps its share of every parameter.

    Each layer is a unit whose weights are gathered while it computes. All other parameters (embeddings, last norm,
    output head) are one unit, which stays gathered from forward to backward, so the output head can be applied to
    chosen positions and tied weights stay tied.

    Args:
        model: the model on the CPU or on ``device``.
        device: the device of this process, to which its shares go.
        compute: number type of the gathered weights; default: as they are.
        reshard_after_forward: free a layer's gathered weights between forward and backward.
        layers: class names of the units; default: as the model says.

    Raises:
        ConfigurationError: there are no such layers, or the model is quantized.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    policy = MixedPrecisionPolicy(param_dtype=compute, reduce_dtype=None if compute is None else torch.float32)
    options: dict[str, Any] = {"mesh": mesh, "mp_policy": policy}
    for unit in _units(model, layers):
        fully_shard(unit, **options, reshard_after_forward=reshard_after_forward)
    fully_shard(model, **options, reshard_after_forward=False)
    model.to(device)  # buffers; parameters have moved
    for module in model.modules():
        if isinstance(module, FSDPModule):
            _under_its_name(module)
            # Gathered once while everything has its own requires_grad, which a switched-off adapter changes.
            module.unshard()
            module.reshard()
    for parameter in model.parameters():
        parameter.trained = parameter.requires_grad  # type: ignore[attr-defined]
    if hasattr(model, "generate"):
        torch.distributed.fsdp.register_fsdp_forward_method(model, "generate")
    # `generate` of transformers reads this mark, and keeps processes in step until all have finished.
    core_model(model)._is_fsdp_managed_module = True


def _units(model: nn.Module, layers: tuple[str, ...]) -> list[nn.Module]:
    """The layers of a model, innermost first."""
    core = core_model(model)
    if any(not parameter.is_floating_point() for parameter in core.parameters()):
        raise ConfigurationError(
            "A quantized model cannot be divided with FSDP2 here.",
            where="strategy",
            fix="Use strategy=ddp with QLoRA, or remove lora.quantize.",
        )
    names = set(layers or getattr(core, "_no_split_modules", None) or ())
    found = [module for module in core.modules() if type(module).__name__ in names and module is not core]
    if layers and not found:
        raise ConfigurationError(
            f"{type(core).__name__} has no layers named {', '.join(layers)}.",
            where="accelerate launch",
            fix="Correct or remove fsdp_transformer_layer_cls_to_wrap.",
        )
    if not found:
        # Some such models use parts of a layer outside it, so lists of modules cannot be taken for layers.
        log.warning(
            "%s does not name its layers, so FSDP2 divides it as one piece: gradients and optimizer are divided, but "
            "all weights are gathered for a forward pass.",
            type(core).__name__,
        )
    return found[::-1]


def _under_its_name(module: nn.Module) -> None:
    """Give a sharded module's class the name that configurations and other libraries know."""
    made = type(module)
    original = made.__mro__[2]
    made.__name__, made.__qualname__, made.__module__ = (
        original.__name__,
        original.__qualname__,
        original.__module__,
    )


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard` has divided the model or a part of it."""
    from torch.distributed.fsdp import FSDPModule

    return any(isinstance(module, FSDPModule) for module in model.modules())


def whole(value: Any) -> Any:
    """The whole tensor of a shared one; every process calls it. Anything else comes back as it is."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def like(value: Any, target: Tensor) -> Any:
    """This process's share of a whole tensor, divided as ``target`` is.

    Args:
        value: a tensor of the same shape as ``target``, equal on all processes; others come back as they are.
        target: a parameter.
    """
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not (isinstance(target, DTensor) and isinstance(value, Tensor) and value.shape == target.shape):
        return value
    given = value.to(target.device)
    # Every process has the values, so nothing is sent.
    return distribute_tensor(given, target.device_mesh, target.placements, src_data_rank=None)


def whole_state(model: nn.Module, keep: bool, trained_only: bool = False) -> dict[str, Tensor]:
    """All weights of a sharded model on the CPU, under the names of its ``state_dict``; every process calls it.

    Args:
        model: the model.
        keep: whether this process keeps them; the others only help.
        trained_only: leave out frozen parameters.

    Returns:
        The weights; empty where they are not kept. Tied weights are one tensor.
    """
    reshard(model)
    found: dict[str, Tensor] = {}
    same: dict[int, Tensor] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        if trained_only and isinstance(value, nn.Parameter) and not value.requires_grad:
            continue
        if id(value) not in same:
            gathered = whole(value.detach())
            same[id(value)] = gathered.cpu() if keep else gathered.new_empty(0)
        found[name] = same[id(value)]
    return found if keep else {}


class Skeleton:
    """A model's structure without its weights, to make whole models from the weights of a sharded one.

    Args:
        model: the model before it is sharded; it is not changed.
    """

    def __init__(self, model: nn.Module) -> None:
        empty: dict[int, Any] = {
            id(each): nn.Parameter(torch.empty_like(each, device="meta"), requires_grad=each.requires_grad)
            for each in model.parameters()
        }
        self.model = copy.deepcopy(model, empty)

    def filled(self, weights: Mapping[str, Tensor]) -> nn.Module:
        """A model with the weights, on the CPU; tied weights stay tied.

        Args:
            weights: as `whole_state` returns them.
        """
        model = copy.deepcopy(self.model)
        filled: dict[int, nn.Parameter] = {}
        for name, empty in list(model.named_parameters(remove_duplicate=False)):
            if id(empty) not in filled:
                filled[id(empty)] = nn.Parameter(weights[name], requires_grad=empty.requires_grad)
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, filled[id(empty)])
        for name, buffer in model.named_buffers():
            if name in weights:
                buffer.copy_(weights[name])
        return model.cpu()
