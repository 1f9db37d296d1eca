"""Scored responses: per-token log-probabilities under policy and reference, as objectives see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.core.token_statistic import TokenStatistic
from penchant.objectives.functional.numerics import masked_sum, wide_dtype

__all__ = ["Scored"]


@dataclass(eq=False)
class Scored:
    """A batch of R responses, scored token by token by a policy and, if needed, a reference.

    logp = Σ_t [mask_t] policy_t,   logratio = Σ_t [mask_t] (policy_t − reference_t)

    Masked entries may hold any value; they affect neither values nor gradients. The reference never carries a gradient.
    Sums over tokens are computed in float32 or wider. With token weights, every sum is Σ_t w_t (·)_t, every mean is
    that sum over Σ_t w_t, and a token's log-ratio is its weighted share of the sum; ``policy``, ``reference``,
    ``length`` and the statistics are unaffected.

    Args:
        policy: [R, T] log-probability of each token under the policy, nats.
        reference: [R, T] the same under the reference, or None without a reference.
        mask: [R, T] bool, true at the tokens of the response.
        stats: optional statistics per token, each [R, T] (entropy, divergence to the reference, ...).
        group: [R] integer, the example of the batch (0 to B − 1) that each response belongs to; by default one response
            per example.
        fields: other per-response data, each [R] (label, score, rank, ..., ``gradient_norm``).
        weights: [R, T] weight of each token, at least 0; 1 if absent.
        reference_weights: [R, T] the same for the reference, if it differs from ``weights``.
        hidden: [R, T, D] the policy's hidden states that predict each token, with gradient; None if not needed.
        ends: [R, 2, D] its hidden states at the last token of the prompt and at the last token of the response, with
            gradient; None if not needed.
        likelihood: whether ``policy`` holds log-probabilities; if not, reading them is an error.
        activations: outputs of the policy's layers at each token, [R, T, D] each, by layer, with gradient.
        reference_activations: the same of the reference, without gradient.
        checkpoints: [R, T] log-probability of each token under other checkpoints, nats, by name; without gradient.
        step_length: mean number of tokens of a response over the whole step, where these responses are a part of it.

    Raises:
        ConfigurationError: a shape does not match, or the reference is read but absent.

    Example:
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> policy = torch.tensor([[-1.0, -2.0], [-3.0, float("nan")]])
        >>> Scored(policy, policy - 0.5, mask).logratio
        tensor([1.0000, 0.5000])
    """

    policy: Tensor
    reference: Tensor | None
    mask: Tensor
    stats: Mapping[str, Tensor] = field(default_factory=dict)
    group: Tensor = None  # type: ignore[assignment]  # filled below: its length is known only with the policy
    fields: Mapping[str, Tensor] = field(default_factory=dict)
    weights: Tensor | None = None
    reference_weights: Tensor | None = None
    hidden: Tensor | None = None
    ends: Tensor | None = None
    likelihood: bool = True
    activations: Mapping[str, Tensor] = field(default_factory=dict)
    reference_activations: Mapping[str, Tensor] = field(default_factory=dict)
    checkpoints: Mapping[str, Tensor] = field(default_factory=dict)
    step_length: float | None = None

    def __post_init__(self) -> None:
        if self.policy.dim() != 2:
            raise ConfigurationError(f"'policy' has shape {list(self.policy.shape)}, expected [responses, tokens].")
        rows = self.policy.shape[0]
        if self.mask.dtype != torch.bool:
            raise ConfigurationError(f"'mask' has type {self.mask.dtype}, expected torch.bool.")
        if self.group is None:
            self.group = torch.arange(rows, device=self.policy.device)
        if self.reference is not None:
            self._require_shape("reference", self.reference, self.policy.shape)
            self.reference = self.reference.detach()
        for name, weights in (("weights", self.weights), ("reference_weights", self.reference_weights)):
            if weights is not None:
                self._require_shape(name, weights, self.policy.shape)
        self._require_shape("mask", self.mask, self.policy.shape)
        self._require_shape("group", self.group, torch.Size([rows]))
        if self.hidden is not None:
            self._require_shape("hidden", self.hidden, torch.Size([*self.policy.shape, *self.hidden.shape[2:]]))
        if self.ends is not None:
            self._require_shape("ends", self.ends, torch.Size([rows, 2, *self.ends.shape[2:]]))
        for name, values in self.stats.items():
            self._require_shape(f"stats[{name!r}]", values, self.policy.shape)
        for word, layers in (("activations", self.activations), ("reference_activations", self.reference_activations)):
            for name, values in layers.items():
                self._require_shape(f"{word}[{name!r}]", values, torch.Size([*self.policy.shape, *values.shape[2:]]))
        for name, values in self.checkpoints.items():
            self._require_shape(f"checkpoints[{name!r}]", values, self.policy.shape)
        self.checkpoints = {name: values.detach() for name, values in self.checkpoints.items()}
        for name, values in self.fields.items():
            self._require_shape(f"fields[{name!r}]", values, torch.Size([rows, *values.shape[1:]]))

    @staticmethod
    def _require_shape(name: str, values: Tensor, shape: torch.Size) -> None:
        if values.shape != shape:
            raise ConfigurationError(f"{name!r} has shape {list(values.shape)}, expected {list(shape)}.")

    def _required_reference(self) -> Tensor:
        if self.reference is None:
            raise ConfigurationError(
                "The objective reads the log-probabilities of the reference, but these responses were scored without "
                "one.",
                fix="Declare `needs = Needs(reference=True)` in the objective, or a reference other than 'none'.",
            )
        return self.reference

    def stat(self, name: str | TokenStatistic) -> Tensor:
        """A statistic per token, [R, T]; zero where the mask is false.

        Args:
            name: for example ``"entropy"``, or the statistic that the objective defines.

        Raises:
            ConfigurationError: it was not computed.

        Example:
            >>> one = torch.ones(1, 2)
            >>> Scored(one, None, one > 0, stats={"entropy": 2 * one}).stat("entropy")
            tensor([[2., 2.]])
        """
        key = str(name)
        if key not in self.stats:
            raise ConfigurationError(
                f"The statistic {key!r} was not computed for these responses. {nearest(key, self.stats)}",
                fix=f"Declare it in the objective: `needs = Needs(stats=frozenset({{{key!r}}}))`, and the view in "
                "`stats_of` if that is given.",
            )
        return torch.where(self.mask, self.stats[key], 0.0)

    def activation(self, layer: str, of_reference: bool = False) -> Tensor:
        """The output of a layer at each token, [R, T, D], or states of all layers; zero where the mask is false.

        Args:
            layer: its number or path, as declared in `Needs.layers`, or a name of `Needs.reference_states`.
            of_reference: that of the reference, without gradient.

        Raises:
            ConfigurationError: it was not kept.
        """
        found = self.reference_activations if of_reference else self.activations
        if layer not in found:
            whose = "the reference's" if of_reference else "the policy's"
            raise ConfigurationError(
                f"The objective reads {whose} activations of layer {layer!r}, which were not kept for these responses.",
                fix=f"Declare `needs = Needs(layers=frozenset({{{layer!r}}}))` in the objective.",
            )
        values = found[layer].detach() if of_reference else found[layer]
        inside = self.mask.reshape(*self.mask.shape, *[1] * (values.dim() - 2))
        return torch.where(inside, values, 0.0)

    @cached_property
    def states(self) -> Tensor:
        """The hidden states that predict each token, [R, T, D]; zero where the mask is false.

        Raises:
            ConfigurationError: they were not kept.
        """
        if self.hidden is None:
            raise ConfigurationError(
                "The objective reads hidden states, but these responses were scored without them.",
                fix="Declare `needs = Needs(hidden=True)` in the objective; in plain lists give 'hidden', one list of "
                "numbers per token.",
            )
        return torch.where(self.mask.unsqueeze(-1), self.hidden, 0.0)

    @property
    def start_state(self) -> Tensor:
        """The hidden state at the last token of each prompt, [R, D].

        Raises:
            ConfigurationError: it was not kept.
        """
        return self._ends()[:, 0]

    @property
    def end_state(self) -> Tensor:
        """The hidden state at the last token of each response, [R, D]: what a sequence classifier reads.

        Raises:
            ConfigurationError: it was not kept.
        """
        return self._ends()[:, 1]

    def _ends(self) -> Tensor:
        if self.ends is None:
            raise ConfigurationError(
                "The objective reads the hidden states at the ends of prompts and responses, but these responses were "
                "scored without them.",
                fix="Declare `needs = Needs(ends=True)` in the objective; in plain lists give 'end_state' and "
                "'start_state', one list of numbers per response.",
            )
        return self.ends

    @cached_property
    def length(self) -> Tensor:
        """Number of tokens of each response, [R] integer."""
        return self.mask.sum(dim=-1)

    @cached_property
    def examples(self) -> int:
        """Number of examples B that the responses belong to."""
        return int(self.group.max()) + 1 if self.group.numel() else 0

    @cached_property
    def total_weight(self) -> Tensor:
        """The total weight of the tokens of each response, [R]: their number, or the sum of their weights; never 0."""
        return self._total(self.weights)

    @cached_property
    def total_ref_weight(self) -> Tensor:
        """The same for the reference, [R]."""
        return self.total_weight if self.reference_weights is None else self._total(self.reference_weights)

    def _total(self, weights: Tensor | None) -> Tensor:
        if weights is None:
            return self.length.clamp(min=1).to(wide_dtype(self.policy.dtype))
        total = masked_sum(weights, self.mask)
        return torch.where(total > 0, total, 1.0)

    @cached_property
    def _token_logp(self) -> Tensor:
        if not self.likelihood:
            raise ConfigurationError(
                "The objective reads log-probabilities, but these responses were scored without them.",
                fix="Declare `needs = Needs(likelihood=True)` in the objective, which is the default.",
            )
        return self.policy if self.weights is None else self.policy * self.weights

    @cached_property
    def _token_ref_logp(self) -> Tensor:
        weights = self.weights if self.reference_weights is None else self.reference_weights
        return self._required_reference() if weights is None else self._required_reference() * weights

    @cached_property
    def logp(self) -> Tensor:
        """Log-probability of each response under the policy, [R], nats."""
        return masked_sum(self._token_logp, self.mask)

    @cached_property
    def ref_logp(self) -> Tensor:
        """Log-probability of each response under the reference, [R], nats."""
        return masked_sum(self._token_ref_logp, self.mask)

    @cached_property
    def token_logratio(self) -> Tensor:
        """Policy minus reference per token, [R, T], nats; zero where the mask is false."""
        return torch.where(self.mask, self._token_logp - self._token_ref_logp, 0.0)

    @cached_property
    def logratio(self) -> Tensor:
        """Log-probability under the policy minus that under the reference, [R], nats."""
        # Summing the differences keeps the digits that subtracting two large sums would lose.
        return self.token_logratio.sum(dim=-1, dtype=wide_dtype(self.policy.dtype))

    def logratio_to(self, checkpoint: str) -> Tensor:
        """Log-probability under the policy minus that under another checkpoint, [R], nats.

        Args:
            checkpoint: a name that the objective declares in `Needs.checkpoints`.

        Raises:
            ConfigurationError: its log-probabilities were not computed.

        Example:
            >>> one = torch.ones(1, 2)
            >>> Scored(-one, None, one > 0, checkpoints={"previous": -2 * one}).logratio_to("previous")
            tensor([2.])
        """
        if checkpoint not in self.checkpoints:
            raise ConfigurationError(
                f"The objective reads log-probabilities of the checkpoint {checkpoint!r}, which were not computed for "
                "these responses.",
                fix=f"Declare `needs = Needs(checkpoints=frozenset({{{checkpoint!r}}}))` in the objective.",
            )
        other = self.checkpoints[checkpoint]
        given = self._token_logp - (other if self.weights is None else other * self.weights)
        return torch.where(self.mask, given, 0.0).sum(dim=-1, dtype=wide_dtype(self.policy.dtype))

    @cached_property
    def mean_logp(self) -> Tensor:
        """Mean log-probability per token under the policy, [R], nats; 0 for an empty response."""
        return self.logp / self.total_weight

    @cached_property
    def mean_ref_logp(self) -> Tensor:
        """Mean log-probability per token under the reference, [R], nats; 0 for an empty response."""
        return self.ref_logp / self.total_ref_weight

    @cached_property
    def mean_logratio(self) -> Tensor:
        """Mean log-ratio per token, [R], nats; 0 for an empty response."""
        if self.reference_weights is not None:  # then the two means have different denominators
            return self.mean_logp - self.mean_ref_logp
        return self.logratio / self.total_weight

    def weighted(self, weights: Tensor, reference_weights: Tensor | None = None) -> Scored:
        """The same responses with token weights, multiplied with those that they already have.

        Args:
            weights: [R, T], at least 0.
            reference_weights: [R, T] for the reference; ``weights`` if absent.

        Example:
            >>> view = Scored(torch.tensor([[-1.0, -3.0]]), None, torch.ones(1, 2, dtype=torch.bool))
            >>> half = view.weighted(torch.tensor([[1.0, 0.5]]))
            >>> half.logp, half.mean_logp
            (tensor([-2.5000]), tensor([-1.6667]))
        """
        earlier = self.weights if self.reference_weights is None else self.reference_weights
        apart = reference_weights is not None or self.reference_weights is not None
        other = weights if reference_weights is None else reference_weights
        return replace(
            self,
            weights=weights if self.weights is None else self.weights * weights,
            reference_weights=(other if earlier is None else earlier * other) if apart else None,
        )

    def select(self, rows: Tensor) -> Scored:
        """The responses ``rows``, in that order; examples are renumbered by first appearance.

        Args:
            rows: integer indices of responses.

        Example:
            >>> both = Scored(torch.tensor([[-1.0], [-2.0]]), None, torch.ones(2, 1, dtype=torch.bool))
            >>> both.select(torch.tensor([1])).logp
            tensor([-2.])
        """
        numbers: dict[int, int] = {}
        group = [numbers.setdefault(old, len(numbers)) for old in self.group[rows].tolist()]
        return Scored(
            policy=self.policy[rows],
            reference=None if self.reference is None else self.reference[rows],
            mask=self.mask[rows],
            stats={name: values[rows] for name, values in self.stats.items()},
            group=torch.tensor(group, dtype=torch.long, device=self.group.device),
            fields={name: values[rows] for name, values in self.fields.items()},
            weights=None if self.weights is None else self.weights[rows],
            reference_weights=None if self.reference_weights is None else self.reference_weights[rows],
            hidden=None if self.hidden is None else self.hidden[rows],
            ends=None if self.ends is None else self.ends[rows],
            likelihood=self.likelihood,
            activations={name: values[rows] for name, values in self.activations.items()},
            reference_activations={name: values[rows] for name, values in self.reference_activations.items()},
            checkpoints={name: values[rows] for name, values in self.checkpoints.items()},
        )
