"""Scoring of tabular examples: the inputs of objectives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import Objective, Scored

__all__ = ["Scoring", "gradient_norms", "look_up"]


class _View(NamedTuple):
    """The parts of a view that do not change between steps."""

    rows: Rows
    place: Tensor
    shares: Tensor
    mask: Tensor
    reference: Tensor


def gradient_norms(world: World, policy: Tensor) -> Tensor:
    """The norm of the parameter gradient of each log-probability, in closed form.

    |∇ log π(y|x)| = |φ(x, y) − Σ_k π(k|x) φ(x, k)|,   φ one-hot for a table of logits

    Args:
        world: its features determine the kind of policy.
        policy: [X, K] log-probabilities.

    Returns:
        [X, K], without gradient.
    """
    chance = policy.detach().exp()
    features = world.features
    if not features.shape[-1]:
        features = torch.eye(policy.shape[1], dtype=policy.dtype).expand(len(policy), -1, -1)
    mean = (chance.unsqueeze(-1) * features).sum(1, keepdim=True)
    return (features - mean).norm(dim=-1)


def look_up(policy: Tensor, place: Tensor, shares: Tensor, sizes: Sequence[int]) -> Iterator[Tensor]:
    """The token log-probabilities of several views, in one lookup.

    In worlds this small the number of operations dominates the run time.

    Args:
        policy: [..., X, K] log-probabilities of one or several policies.
        place: [R] flat index of each response, counted across all policies.
        shares: [R, T] share of a response's log-probability per token.
        sizes: number of responses per view; they sum to R.

    Returns:
        For each view, [responses, T].
    """
    return iter((policy.flatten().index_select(0, place).unsqueeze(-1) * shares).split(sizes))


class Scoring:
    """The inputs of an objective: views scored by policy and reference, and fields as tensors.

    Args:
        world: the world of the examples.
        objective: the objective; only its inputs are scored.
        examples: examples of the world.
        reference: [X, K] log-probabilities of the reference.
        previous: [X, K] log-probabilities of the policy at the start of the round; the reference by default.

    Raises:
        ConfigurationError: the examples lack a view or field that the objective needs.
    """

    def __init__(
        self,
        world: World,
        objective: Objective,
        examples: Examples,
        reference: Tensor,
        previous: Tensor | None = None,
    ) -> None:
        wanted = objective.requirements
        held = {**examples.views, **examples.fields}
        missing = [name for name in wanted.views + wanted.fields if name not in held and name not in wanted.optional]
        if missing:
            raise ConfigurationError(
                f"The objective {objective.id} needs {missing[0]!r}; these examples have {', '.join(sorted(held))}.",
                where="tabular world",
                fix=f"Add it: examples.with_view({missing[0]!r}, rows), or examples.with_fields({missing[0]}=numbers).",
            )
        if wanted.needs.residual is not None and not wanted.needs.residual.never:
            raise ConfigurationError(
                f"The objective {objective.id} needs a second pass over mixed embeddings; policies here have none.",
                where="tabular world",
                fix="Use a world with a language model, or residual=0.",
            )
        self.world, self.needs = world, wanted.needs
        self.reference = reference.detach()
        known = {"initial": world.reference, "previous": self.reference if previous is None else previous.detach()}
        self.checkpoints = {name: known[name] for name in sorted(wanted.needs.checkpoints)}
        self.fields = {name: examples.fields[name] for name in wanted.fields if name in examples.fields}
        self.several = wanted.several
        self.views = {
            name: [self._view(world, rows) for rows in (each if isinstance(each, list) else [each])]
            for name, each in examples.views.items()
            if name in wanted.views
        }
        # Concatenated over all views:
        all_views = [each for views in self.views.values() for each in views]
        self.sizes = [len(each.place) for each in all_views]
        self.place = torch.cat([each.place for each in all_views])
        self.shares = torch.cat([each.shares for each in all_views])

    def _view(self, world: World, rows: Rows) -> _View:
        shares = world.shares[rows.prompt, rows.response]
        reference = self._look(self.reference, rows, shares)
        place = rows.prompt * world.dials.responses + rows.response
        return _View(rows, place, shares, world.mask[rows.prompt, rows.response], reference)

    def __call__(self, policy: Tensor) -> dict[str, Any]:
        """The objective's inputs under a policy's log-probabilities [X, K]."""
        return self.inputs(policy, look_up(policy, self.place, self.shares, self.sizes))

    def inputs(self, policy: Tensor, views: Iterator[Tensor]) -> dict[str, Any]:
        """The same, given the token log-probabilities of each view.

        Args:
            policy: [X, K] log-probabilities.
            views: [R, T] per view, in order; one is consumed for each of ``sizes``.
        """
        inputs: dict[str, Any] = dict(self.fields)
        for name, each in self.views.items():
            scored = [self._scored(policy, next(views), view) for view in each]
            inputs[name] = scored if name in self.several else scored[0]
        return inputs

    def _scored(self, policy: Tensor, tokens: Tensor, view: _View) -> Scored:
        reference = view.reference if self.needs.reference else None
        stats = self._statistics(policy, view.rows, view.shares) if self.needs.stats else {}
        if self.needs.residual is not None:  # 0, checked at the start
            stats = {**stats, "residual_logp": tokens}
        fields = {}
        if self.needs.gradient_norms:
            fields["gradient_norm"] = gradient_norms(self.world, policy).flatten()[view.place]
        hidden = self._states(view) if self.needs.hidden else None
        checkpoints = {name: self._look(table, view.rows, view.shares) for name, table in self.checkpoints.items()}
        return Scored(
            tokens, reference, view.mask, stats, view.rows.group, fields, hidden=hidden, checkpoints=checkpoints
        )

    @staticmethod
    def _look(table: Tensor, rows: Rows, shares: Tensor) -> Tensor:
        """The token log-probabilities of responses under a table."""
        return table[rows.prompt, rows.response].unsqueeze(-1) * shares

    @property
    def hidden_size(self) -> int:
        """The size of hidden states: features of the response, plus a one-hot token position."""
        return self.world.features.shape[-1] + self.world.shares.shape[-1]

    def _states(self, view: _View) -> Tensor:
        rows, tokens = view.mask.shape
        features = self.world.features[view.rows.prompt, view.rows.response]
        which = torch.eye(tokens, dtype=view.shares.dtype).expand(rows, -1, -1)
        return torch.cat([features.unsqueeze(1).expand(-1, tokens, -1), which], dim=-1)

    def _statistics(self, policy: Tensor, rows: Rows, shares: Tensor) -> dict[str, Tensor]:
        """The statistics of the whole response, spread over its tokens like its log-probability."""
        known: dict[str, Callable[[], Tensor]] = {
            "entropy": lambda: -(policy.exp() * policy).sum(-1),
            "kl": lambda: (policy.exp() * (policy - self.reference)).sum(-1),
            "reference_kl": lambda: (self.reference.exp() * (self.reference - policy)).sum(-1),
            "sum_p2": lambda: (2 * policy).exp().sum(-1),
        }
        wanted = sorted(map(str, self.needs.stats))
        for name in wanted:
            if name not in known:
                raise ConfigurationError(f"A tabular world has no statistic {name!r}; it has {', '.join(known)}.")
        return {name: known[name]()[rows.prompt].unsqueeze(-1) * shares for name in wanted}
