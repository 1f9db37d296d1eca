"""A frozen copy whose matrices are kept in the number type that autocast rounds them to: same results, less memory."""

from __future__ import annotations

import torch
from torch import nn

from penchant.likelihood.number_types import REDUCED

__all__ = ["keep_rounded"]


def keep_rounded(frozen: nn.Module | None, forward: str | None) -> int:
    """Round the float32 weights of a frozen model's linear layers once, in place, as autocast would at every pass.

    The model must compute under autocast from then on, and its weights must stay as they are. Only on a CPU: there
    every linear layer is computed by its own matrix product, and nothing else reads its weight. Models with layers of
    PEFT stay as they are, since some of these compute with the weights themselves.

    Args:
        frozen: the model, or None.
        forward: number type of the forward pass under autocast, or None.

    Returns:
        The number of bytes that are freed.
    """
    lowered = REDUCED.get(forward or "")
    if frozen is None or lowered is None or any(type(part).__module__.startswith("peft.") for part in frozen.modules()):
        return 0
    tables = {id(part.weight) for part in frozen.modules() if isinstance(part, nn.Embedding)}
    freed = 0
    for layer in frozen.modules():
        # A parametrized layer, and one with a forward pass of its own, may do more with its weight than multiply.
        weight = layer._parameters.get("weight") if type(layer).forward is nn.Linear.forward else None
        if weight is None or type(weight) is not nn.Parameter:
            continue
        if weight.dtype == torch.float32 and weight.device.type == "cpu" and id(weight) not in tables:
            weight.data = weight.data.to(lowered)
            freed += weight.numel() * (4 - weight.element_size())
    return freed
