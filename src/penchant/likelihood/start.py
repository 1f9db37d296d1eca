"""`StartingState`: evaluating a model with an adapter as it was at the start of training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import TrainingError
from penchant.likelihood.adapting.kinds import own_prefix
from penchant.likelihood.core import reshard, without_adapter

__all__ = ["StartingState", "inert_weights"]


MATRICES = {"A": "B", "B": "A", "embedding_A": "embedding_B", "embedding_B": "embedding_A"}


def inert_weights(model: nn.Module) -> set[str]:
    """Names of an adapter's weights that do not change the model's outputs, as in an adapter that is not trained yet.

    These are LoRA matrices whose product is zero, and copies of layers that equal their originals.

    Args:
        model: a model with the layers of PEFT in it; others have no such weights.
    """
    weights = dict(model.named_parameters(remove_duplicate=False))
    found: set[str] = set()
    for name, weight in weights.items():
        before, sign, after = name.partition(".lora_")
        kind, _, adapter = after.partition(".")
        if sign and kind in MATRICES and _is_zero(weight) and not _reshaped(weights, before, adapter):
            # One factor of the product is zero: B of a linear layer, A of an embedding.
            found |= {f"{before}.lora_{each}.{adapter}" for each in (kind, MATRICES[kind])}
        before, sign, after = name.partition(".modules_to_save.")
        original = weights.get(f"{before}.original_module.{after.partition('.')[2]}")
        # A copy in another number type computes other roundings than its original.
        if sign and original is not None and original.dtype == weight.dtype:
            found |= {name} if torch.equal(_whole(weight), _whole(original)) else set()
    return found & set(weights)


def _is_zero(weight: Tensor) -> bool:
    return not bool(_whole(weight).any())


def _whole(weight: Tensor) -> Tensor:
    """A weight that FSDP2 divides over processes, whole; every process calls it."""
    whole: Tensor = weight.detach()
    return whole.full_tensor() if hasattr(whole, "full_tensor") else whole


def _reshaped(weights: dict[str, Any], layer: str, adapter: str) -> bool:
    """Whether the layer also has trained norms (DoRA) or a bias in its second matrix."""
    name = adapter.partition(".")[0]
    bias = weights.get(f"{layer}.lora_B.{name}.bias")
    magnitude = any(f"{layer}.lora_magnitude_vector.{name}{end}" in weights for end in ("", ".weight"))
    return magnitude or (bias is not None and not _is_zero(bias))


class StartingState:
    """The state of a model with an adapter when this object is made.

    An adapter that is not trained yet is switched off. Otherwise a copy of the trained weights is kept, and takes their
    place while the model is evaluated.

    Args:
        model: a ``PeftModel``, at its initial weights.

    Example:
        >>> StartingState(nn.Linear(2, 2).requires_grad_(False)).switched_off
        True
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        configs: dict[str, Any] = getattr(model, "peft_config", {})  # type: ignore[assignment]
        lora = all(str(getattr(each.peft_type, "value", each.peft_type)) == "LORA" for each in configs.values())
        trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        of_adapters = {name for name, _ in model.named_parameters() if "lora_" in name or ".modules_to_save." in name}
        self.switched_off = lora and not ((set(trained) | of_adapters) - inert_weights(model))
        if getattr(model, "untrained", False):
            # A new adapter of another kind is switched off, unless the run also trains weights outside of it.
            own = [own_prefix(str(each.peft_type.value).lower()) for each in configs.values()] + [".modules_to_save."]
            self.switched_off = all(any(each in name for each in own) for name in trained)
        self.kept: dict[str, Tensor] = (
            {} if self.switched_off else {name: weight.detach().clone() for name, weight in trained.items()}
        )

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """A context in which the model computes as at the start."""
        if self.switched_off:
            with without_adapter(self.model):
                yield
            return
        reshard(self.model)
        weights = dict(self.model.named_parameters())
        trained = {name: self._trained(weights.get(name), name).clone() for name in self.kept}
        try:
            for name, value in self.kept.items():
                # In place and past autograd: optimizer and wrappers keep their tensors, and graphs are not invalidated,
                # because the trained values are back before a backward pass reads them.
                weights[name].data.copy_(value)
            yield
        finally:
            reshard(self.model)
            for name, value in trained.items():
                weights[name].data.copy_(value)

    def _trained(self, weight: Tensor | None, name: str) -> Tensor:
        kept = self.kept[name]
        if weight is None or weight.shape != kept.shape or type(weight.data) is not type(kept):
            raise TrainingError(
                f"The reference is the adapter at the start, but its weight {name!r} is split between devices now.",
                fix="Use adapter=merge_first, or reference=cached.",
            )
        return weight.detach()
