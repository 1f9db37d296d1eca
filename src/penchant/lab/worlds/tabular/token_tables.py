"""Policies that are tables of next-token distributions, and pairs that differ in known tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from penchant.objectives import Objective, Scored
from penchant.objectives.core.requirements import EVERY_LAYER, UNIT_MEANS

__all__ = ["TokenPairs", "TokenTables", "Trained", "draw_tables", "fit_tokens", "train_to_margin"]

#: The token after which a value stands; token 0 begins every response.
KEY = 1


@dataclass(frozen=True)
class TokenPairs:
    """N pairs of responses of T tokens that answer some prompts.

    Args:
        prompt: [N] the prompt of each pair.
        tokens: by side, [N, T].
        value: [T] bool, where the values stand: right ones in the chosen, wrong ones in the rejected response.
        differs: [N, T] bool, whether the two responses have different tokens at a place.
    """

    prompt: Tensor
    tokens: Mapping[str, Tensor]
    value: Tensor
    differs: Tensor


@dataclass(frozen=True)
class TokenTables:
    """Prompts whose responses are drawn token by token: the next token depends on the prompt and the token before it.

    Args:
        reference: [X, V, V] log-probability of each token after each token.
        right: [X] the right value of each prompt.
    """

    reference: Tensor
    right: Tensor

    def pairs(self, count: int, generator: torch.Generator, length: int = 12, other: float = 0.2) -> TokenPairs:
        """Pairs whose values differ; a share of the other tokens differs too, without meaning.

        Args:
            count: N.
            generator: of the draws.
            length: T; a value stands at every fourth place, the key before it.
            other: the probability that another token of the rejected response is drawn anew.
        """
        size = self.reference.shape[-1]
        prompt = torch.randint(len(self.right), (count,), generator=generator)
        value = torch.arange(length) % 4 == 3
        wrong = self.right[prompt].unsqueeze(1) - 2 + torch.randint(1, size - 2, (count, length), generator=generator)
        wrong = 2 + wrong % (size - 2)
        sides: dict[str, list[Tensor]] = {"chosen": [], "rejected": []}
        before = {side: torch.zeros(count, dtype=torch.long) for side in sides}
        for place in range(length):
            drawn = {side: self._drawn(prompt, each, generator) for side, each in before.items()}
            anew = torch.rand(count, generator=generator) < other
            drawn["rejected"] = torch.where(anew, drawn["rejected"], drawn["chosen"])
            if place % 4 == 2:
                drawn = {side: torch.full_like(each, KEY) for side, each in drawn.items()}
            if place % 4 == 3:
                drawn = {"chosen": self.right[prompt], "rejected": wrong[:, place]}
            for side, each in drawn.items():
                sides[side].append(each)
                before[side] = each
        tokens = {side: torch.stack(each, dim=1) for side, each in sides.items()}
        return TokenPairs(prompt, tokens, value, tokens["chosen"] != tokens["rejected"])

    def _drawn(self, prompt: Tensor, before: Tensor, generator: torch.Generator) -> Tensor:
        chance = self.reference[prompt, before].exp()
        chance[:, :2] = 0.0  # neither the beginning nor the key
        return torch.multinomial(chance, 1, generator=generator).squeeze(1)

    def views(self, pairs: TokenPairs, policy: Tensor) -> dict[str, Scored]:
        """Both responses of each pair with the divergence at each position and states that name the token before.

        Args:
            pairs: the pairs.
            policy: [X, V, V] log-probabilities.
        """
        spent = (self.reference.exp() * (self.reference - policy)).sum(-1)
        found = {}
        for side, tokens in pairs.tokens.items():
            before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)
            prompt = pairs.prompt.unsqueeze(1).expand_as(tokens)
            state = torch.nn.functional.one_hot(before, policy.shape[-1]).to(policy.dtype)
            found[side] = Scored(
                policy[prompt, before, tokens],
                self.reference[prompt, before, tokens],
                torch.ones_like(tokens, dtype=torch.bool),
                {"reference_kl": spent[prompt, before]},
                reference_activations={
                    EVERY_LAYER: torch.stack([state, state], dim=2),
                    UNIT_MEANS: self.reference[prompt, before].exp().square().sum(-1)[..., None, None],
                },
            )
        return found


def draw_tables(seed: int, prompts: int = 6, vocabulary: int = 10) -> TokenTables:
    """Tables with normal logits; the right value of a prompt is any token but the beginning and the key.

    Args:
        seed: of all draws.
        prompts: X.
        vocabulary: V.

    Example:
        >>> tables = draw_tables(0)
        >>> pairs = tables.pairs(5, torch.Generator().manual_seed(0))
        >>> bool((pairs.tokens["chosen"][:, 3] == tables.right[pairs.prompt]).all())
        True
    """
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(prompts, vocabulary, vocabulary, generator=generator, dtype=torch.float64)
    return TokenTables(logits.log_softmax(-1), torch.randint(2, vocabulary, (prompts,), generator=generator))


def fit_tokens(
    tables: TokenTables,
    objective: Objective,
    pairs: TokenPairs,
    fields: Mapping[str, Tensor],
    *,
    stop: Callable[[Tensor], bool] = lambda policy: False,
    steps: int = 300,
    learning_rate: float = 0.05,
) -> Tensor:
    """Train a table with an objective on all pairs at once, by Adam, from the reference.

    Args:
        tables: the world.
        objective: moved to double precision; its own parameters are trained too.
        pairs: the pairs.
        fields: record fields that the objective reads.
        stop: called before each step with the policy's log-probabilities; true ends training.
        steps: most steps.
        learning_rate: of Adam.

    Returns:
        [X, V, V] log-probabilities of the policy.
    """
    objective.double()
    objective.bind_layers(tables.reference.shape[-1], 2)
    logits = tables.reference.clone().requires_grad_()
    own = [each for each in objective.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam([logits, *own], lr=learning_rate)
    for _ in range(steps):
        policy = logits.log_softmax(-1)
        if stop(policy.detach()):
            break
        inputs: dict[str, Any] = {**tables.views(pairs, policy), **fields}
        optimizer.zero_grad()
        objective.compute(inputs).values.mean().backward()
        optimizer.step()
    return logits.log_softmax(-1).detach()


@dataclass(frozen=True)
class Trained:
    """A policy that separates the values of its pairs by a given margin.

    Args:
        pairs: the pairs.
        views: both responses under the policy.
    """

    pairs: TokenPairs
    views: Mapping[str, Scored]

    @property
    def divergence(self) -> dict[str, float]:
        """By side, the mean over responses of Σ_t KL(π_ref ‖ π)_t, nats."""
        return {side: view.stat("reference_kl").sum(-1).mean().item() for side, view in self.views.items()}

    @property
    def elsewhere(self) -> float:
        """The same where no value stands, the mean of both sides, nats."""
        spent = [view.stat("reference_kl")[:, ~self.pairs.value].sum(-1).mean() for view in self.views.values()]
        return sum(spent).item() / 2  # type: ignore[union-attr]

    @property
    def shared(self) -> Tensor:
        """The log-ratios of those tokens of chosen responses that the rejected response has too, nats."""
        return self.views["chosen"].token_logratio[~self.pairs.differs]


def train_to_margin(
    tables: TokenTables, objective: Objective, pairs: TokenPairs, fields: Mapping[str, Tensor], margin: float = 15.0
) -> Trained:
    """Train until the summed log-ratios of values differ by a margin between chosen and rejected, nats.

    So objectives are compared at the same gain, whatever their scale.

    Args:
        tables: the world.
        objective: as for `fit_tokens`.
        pairs: the pairs.
        fields: record fields that the objective reads.
        margin: the mean over pairs that ends training.
    """

    def reached(policy: Tensor) -> bool:
        views = tables.views(pairs, policy)
        gained = views["chosen"].token_logratio - views["rejected"].token_logratio
        return bool(gained[:, pairs.value].sum(-1).mean() >= margin)

    policy = fit_tokens(tables, objective, pairs, fields, stop=reached)
    return Trained(pairs, tables.views(pairs, policy))
