"""`Outputs`, which computes hidden states (or logits) of a causal language model at selected positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from penchant.forest.attention import ATTENTION, AttentionPlan, register_attention
from penchant.forest.layout import Forest
from penchant.likelihood.core import device_of
from penchant.likelihood.few_shapes import few_lengths
from penchant.likelihood.head import Head
from penchant.likelihood.inside.layers import recorded
from penchant.likelihood.inside.residual import Residual, mixed_embeddings
from penchant.likelihood.inside.router import Router
from penchant.likelihood.inside.states import recorded_states
from penchant.likelihood.sequences import padded_inputs, response_places
from penchant.objectives.core.requirements import EVERY_LAYER, UNIT_MEANS

__all__ = ["Computed", "Outputs", "switch_attention"]


@dataclass(frozen=True)
class Computed:
    """What one forward pass computed.

    Args:
        rows: [K, D] hidden states, or [K, V] logits, that predict the forest's targets.
        aux_loss: the routers' auxiliary loss, if asked for.
        activations: for each layer that was named, [K, D'] its outputs at the targets themselves.
        ends: [R, 2, D] the hidden states at the last token of each prompt and of each response, if asked for.
    """

    rows: Tensor
    aux_loss: Tensor | None = None
    activations: dict[str, Tensor] = field(default_factory=dict)
    ends: Tensor | None = None


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

    def of(
        self,
        forest: Forest,
        attention: str,
        router: Router | None = None,
        layers: Sequence[str] = (),
        ends: bool = False,
        residual: Residual | None = None,
    ) -> Computed:
        """One forward pass over a forest.

        Args:
            forest: the batch.
            attention: ``sequences``, or a backend of the forest's attention, to which the model must be switched.
            router: of a mixture of experts, or None for no auxiliary loss.
            layers: layers whose activations are kept; see `penchant.likelihood.inside.layers.find_layer`.
            ends: keep the hidden states at the ends of prompts and responses.
            residual: what is mixed into the embeddings of the response tokens.
        """
        if residual is not None:
            places, rows = self._places(forest, attention)
            with mixed_embeddings(self.core, places, residual.predicted[rows], residual.share):
                return self.of(forest, attention, router, layers, ends)
        edges = forest.edges if ends else None
        if attention == "sequences":
            inputs, positions = padded_inputs(forest)
            # A token stands one place after the output that predicts it.
            return self._at(inputs, positions, positions + 1, router, layers, edges, inputs.get("attention_mask"))
        if router is None:  # the routers' loss counts every token
            forest = few_lengths(forest, next(self.core.parameters()))
        inputs = self._forest_inputs(AttentionPlan(forest, attention))  # type: ignore[arg-type]
        return self._at(inputs, forest.predict_from, forest.targets, router, layers, edges)

    @staticmethod
    def _places(forest: Forest, attention: str) -> tuple[Tensor, Tensor]:
        """The flat positions of the response tokens in the model's input, and which target stands at each."""
        if attention != "sequences":
            return forest.targets, torch.arange(len(forest.targets), device=forest.targets.device)
        return response_places(forest), forest.target_of[forest.mask]

    def of_sequences(self, forest: Forest) -> Tensor:
        """The rows that predict the targets, with each response computed as a separate sequence."""
        inputs, positions = padded_inputs(forest)
        return self._at(inputs, positions, positions).rows

    def of_forest(self, plan: AttentionPlan) -> Tensor:
        """The rows that predict the targets, with the forest's attention."""
        return self._at(self._forest_inputs(plan), plan.forest.predict_from, plan.forest.targets).rows

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
        self,
        inputs: dict[str, Any],
        before: Tensor,
        targets: Tensor,
        router: Router | None = None,
        layers: Sequence[str] = (),
        edges: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Computed:
        """Outputs of a [1, N] or [B, N] input at flat positions: rows ``before`` the targets, activations at them.

        ``edges`` [R, 2] are the indices of each response's first and last target, for the states at its ends.
        """
        if router is not None:
            inputs = {**inputs, "output_router_logits": True}
        of_all = [name for name in layers if name in (EVERY_LAYER, UNIT_MEANS)]
        single = [name for name in layers if name not in of_all]
        with recorded(self.core, single) as found, recorded_states(self.core, of_all, before) as states:
            outputs = self.forward(**inputs) if self.head is None else self.core.base_model(**inputs)
        rows = outputs.logits if self.head is None else outputs[0]
        auxiliary = None if router is None else router.aux_loss(outputs, mask)
        kept = {name: _flat(values)[targets] for name, values in found.items()} | states
        flat = _flat(rows)
        ends = None if edges is None else torch.stack([flat[before[edges[:, 0]]], flat[targets[edges[:, 1]]]], dim=1)
        return Computed(flat[before], auxiliary, kept, ends)


def _flat(values: Tensor) -> Tensor:
    return values.reshape(-1, values.shape[-1])


def switch_attention(core: Any, name: str | None) -> None:
    """Switch the attention implementation of the model's layers; None changes nothing."""
    if name is not None and getattr(core.config, "_attn_implementation", None) != name:
        if name == ATTENTION:
            register_attention()
        core.set_attn_implementation(name)
