"""`Outputs`, which computes hidden states (or logits) of a causal language model at selected positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from penchant.forest.attention import ATTENTION, AttentionPlan, register_attention
from penchant.forest.layout import Forest
from penchant.likelihood.core import device_of
from penchant.likelihood.few_shapes import few_lengths
from penchant.likelihood.head import Head
from penchant.likelihood.router import Router
from penchant.likelihood.sequences import padded_inputs

__all__ = ["Outputs", "switch_attention"]


@dataclass(frozen=True)
class Outputs:
    """A causal language model, evaluated at selected positions.

    Args:
        core: the transformers model.
        forward: its own ``forward``.
        head: its output head as a function of hidden states; None if it is of an unknown kind, then logits are used.
    """

    core: Any
    forward: Callable[..., Any]
    head: Head | None

    @property
    def device(self) -> torch.device:
        """The model's device."""
        return device_of(self.core)

    def of(self, forest: Forest, attention: str) -> Tensor:
        """[K, D] hidden states, or [K, V] logits, that predict the forest's targets; see `routed`."""
        return self.routed(forest, attention, None)[0]

    def routed(self, forest: Forest, attention: str, router: Router | None) -> tuple[Tensor, Tensor | None]:
        """[K, D] hidden states, or [K, V] logits, that predict the forest's targets, and the routers' auxiliary loss.

        Args:
            forest: the batch.
            attention: ``sequences``, or a backend of the forest's attention, to which the model must be switched.
            router: of a mixture of experts, or None for no auxiliary loss.
        """
        if attention == "sequences":
            inputs, positions = padded_inputs(forest)
            return self._at(inputs, positions, router, inputs.get("attention_mask"))
        if router is None:  # the routers' loss counts every token
            forest = few_lengths(forest, next(self.core.parameters()))
        plan = AttentionPlan(forest, attention)  # type: ignore[arg-type]
        return self._at(self._forest_inputs(plan), forest.predict_from, router)

    def of_sequences(self, forest: Forest) -> Tensor:
        """As `of`, with each response computed as a separate sequence."""
        return self._at(*padded_inputs(forest))[0]

    def of_forest(self, plan: AttentionPlan) -> Tensor:
        """As `of`, with the forest's attention."""
        return self._at(self._forest_inputs(plan), plan.forest.predict_from)[0]

    def _forest_inputs(self, plan: AttentionPlan) -> dict[str, Any]:
        forest = plan.forest
        return {
            "input_ids": forest.token_ids[None],
            "position_ids": forest.position_ids[None],
            # transformers passes any 4-D mask through unchanged; the attention rule itself is in ``forest``.
            "attention_mask": forest.token_ids.new_ones((1, 1, 1, 1), dtype=torch.bool),
            "use_cache": False,
            "forest": plan,
        }

    def _at(
        self, inputs: dict[str, Any], rows: Tensor, router: Router | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states (or logits) of a [1, N] or [B, N] input at the flat positions ``rows``, and auxiliary loss."""
        if router is not None:
            inputs = {**inputs, "output_router_logits": True}
        outputs = self.forward(**inputs) if self.head is None else self.core.base_model(**inputs)
        found = outputs.logits if self.head is None else outputs[0]
        auxiliary = None if router is None else router.aux_loss(outputs, mask)
        return found.reshape(-1, found.shape[-1])[rows], auxiliary


def switch_attention(core: Any, name: str | None) -> None:
    """Switch the attention implementation of the model's layers; None changes nothing."""
    if name is not None and getattr(core.config, "_attn_implementation", None) != name:
        if name == ATTENTION:
            register_attention()
        core.set_attn_implementation(name)
