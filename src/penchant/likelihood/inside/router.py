"""The auxiliary loss of a mixture of experts, which keeps its routers from sending all tokens to a few experts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["Router", "router_of"]


@dataclass(frozen=True)
class Router:
    """The routers of a mixture of experts.

    aux_loss = E · Σ_e f_e · P_e,   f_e the mean number of times that a token is sent to expert e, P_e the mean
    probability of e, over the tokens of all layers; top-k routing to equally used experts gives k

    Args:
        loss: transformers' function of router logits, experts, experts per token and mask.
        experts: E, number of experts of a layer.
        chosen: k, experts per token.
        coefficient: factor of the auxiliary loss in the training loss.

    Reference: Fedus, Zoph, Shazeer (2021), Switch Transformers, equations 4 to 6.
    """

    loss: Callable[..., Any]
    experts: int
    chosen: int
    coefficient: float

    def aux_loss(self, outputs: Any, mask: Tensor | None) -> Tensor | None:
        """The auxiliary loss of a forward pass, a scalar without its coefficient; None if it has no router logits.

        Args:
            outputs: of the model, called with ``output_router_logits=True``.
            mask: [B, N] 1 for tokens, 0 for padding; None if there is no padding.
        """
        logits = getattr(outputs, "router_logits", None)
        if not logits:
            return None
        found: Tensor = self.loss(tuple(logits), self.experts, self.chosen, mask)
        return found


def router_of(core: Any, wanted: bool | float) -> Router | None:
    """The routers of a model, if it is a mixture of experts whose loss has an auxiliary term.

    Args:
        core: a causal language model of transformers.
        wanted: True for the configuration's coefficient, another coefficient, or False for none.

    Returns:
        None for other models, and where the coefficient is 0.
    """
    loss = getattr(sys.modules.get(type(core).__module__), "load_balancing_loss_func", None)
    configured = getattr(core, "router_aux_loss_coef", None)
    experts, chosen = getattr(core, "num_experts", None), getattr(core, "num_experts_per_tok", None)
    if loss is None or not experts or not chosen:
        return None
    coefficient = float(configured or 0.0) if wanted is True else float(wanted)
    return Router(loss, int(experts), int(chosen), coefficient) if coefficient else None
