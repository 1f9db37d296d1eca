"""MiCRo: a mixture of reward heads with a router that reads the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.perceptrons import Perceptron
from penchant.objectives.functional.preference_mixtures import (
    head_losses,
    hedged_weights,
    mixture_loss,
    preference_probability,
    router_loss,
)

__all__ = ["MiCRo"]


class MiCRo(Objective):
    """MiCRo, mixture modelling and context-aware routing (Shen et al., 2025).

    loss = −log Σ_k f_k σ(r_k(y_w) − r_k(y_l)) + α Σ_k f_k log f_k

    r_k are K linear heads on the hidden state at the last token of the response, and f = softmax of a router on the
    hidden state at the last token of the prompt. This first stage needs no names of groups. With ``route`` it is the
    second stage, on a few pairs whose prompts hold a context (a criterion, a profile): the heads keep still, and the
    router follows the weights of Hedge,

    loss = −Σ_k ω_k log f_k,   ω_k ∝ f_k exp(−ℓ_k / τ),   ℓ_k = −log σ(r_k(y_w) − r_k(y_l))

    The published code reads the router's state one token later, which is the first one of the chosen response.

    Example:
        >>> state = torch.zeros(1, 2, 3)
        >>> one = torch.ones(1, 1, dtype=torch.bool)
        >>> view = Scored(torch.zeros(1, 1), None, one, ends=state, likelihood=False)
        >>> objective = MiCRo(heads=4, alpha=0.0)
        >>> objective.bind(3)
        >>> objective(chosen=view, rejected=view).values
        tensor([0.6931], grad_fn=<SubBackward0>)

    Reference:
        Shen, Yang, Yu, et al. (2025), MiCRo: Mixture Modeling and Context-aware Routing for Personalized Preference
        Learning.
    """

    id = "micro"
    paper = "arXiv:2505.24846"
    evidence = OFFICIAL_CODE
    exempt = Exempt(
        zero_margin="the router's weights differ between prompts, and it reads no log-probabilities",
        value_gradient="in the second stage the weights of Hedge, heads and states carry no gradient",
    )
    needs = Needs(ends=True, likelihood=False)

    heads: Annotated[int, Ge(1), "number K of reward heads; with 1 it is Bradley-Terry"] = 5
    alpha: Annotated[float, Ge(0), "weight of the term that draws the router's weights to uniform ones"] = 0.5
    context_router: Annotated[bool, "False: one set of weights for all prompts"] = True
    router_width: Annotated[int, Ge(0), "units of the router's hidden layer; 0 for a linear router"] = 128
    route: Annotated[bool, "second stage: train the router alone, towards the weights of Hedge"] = False
    tau: Annotated[float, Gt(0), "temperature of Hedge; 1 is the posterior over heads"] = 1.0

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.reward_head = Head(self.heads, bias=None, random=True)
        if self.context_router:
            self.router = Perceptron(self.heads, max(self.router_width, 1), int(self.router_width > 0), salt=1)
        else:
            self.static = nn.Parameter(torch.zeros(self.heads))
        self._hold()

    def _hold(self) -> None:
        if self.route:
            for parameter in self.reward_head.parameters():
                parameter.requires_grad_(False)

    def bind(self, hidden_size: int) -> None:
        """Create the heads and the router; in the second stage the heads have no gradient."""
        super().bind(hidden_size)
        self._hold()

    def log_weights(self, view: Scored) -> Tensor:
        """The logarithm of the router's weights for each prompt, [R, K]."""
        if not self.context_router:
            return torch.log_softmax(self.static, dim=-1).expand(len(view.end_state), -1)
        return self._routed(view.start_state)

    def _routed(self, start: Tensor) -> Tensor:
        return torch.log_softmax(self.router(start.detach() if self.route else start), dim=-1)

    @property
    def reads_prompt(self) -> bool:
        """Whether the weights of the heads depend on the prompt."""
        return self.context_router

    def _weights_of(self, prompt_state: Tensor | None, like: Tensor) -> Tensor:
        """log f [K] for one prompt."""
        found = torch.log_softmax(self.static, dim=-1) if prompt_state is None else self._routed(prompt_state)
        return found.to(like)

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards Σ_k f_k r_k of responses to one prompt, [R], from the outputs of the heads, [R, K]."""
        return outputs @ self._weights_of(prompt_state, outputs).exp()

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The probability of the mixture that each response is preferred, [R, R]: Σ_k f_k σ(r_k(i) − r_k(j))."""
        log_weights = self._weights_of(prompt_state, outputs)
        return preference_probability(outputs.unsqueeze(1), outputs.unsqueeze(0), log_weights)

    def rewards(self, view: Scored) -> Tensor | None:
        """None: the probability of a preference is the mixture's, not that of a difference of rewards."""
        return None

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair, [B], with the mixture's probability of the label and the entropy of its weights."""
        sides = [each.end_state.detach() if self.route else each.end_state for each in (chosen, rejected)]
        better, worse = (self.reward_head(each) for each in sides)
        log_weights = self.log_weights(chosen).to(better.dtype)
        if self.route:
            target = hedged_weights(log_weights, head_losses(better, worse), self.tau)
            values = router_loss(log_weights, target)
        else:
            values = mixture_loss(better, worse, log_weights, self.alpha)
        probability = preference_probability(better, worse, log_weights)
        return values, {
            "preference_probability": probability,
            "reward_accuracy": (probability > 0.5).to(probability.dtype),
            "router_entropy": -(log_weights.exp() * log_weights).sum(dim=-1),
        }
