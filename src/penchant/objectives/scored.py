"""What an objective sees of a model: how likely each response is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.numerics import masked_mean, masked_sum

__all__ = ["Scored"]


@dataclass(eq=False)
class Scored:
    """A batch of R responses, scored token by token by a policy and, where asked for, by a reference.

    logp = Σ_t [mask_t] policy_t,   logratio = Σ_t [mask_t] (policy_t − reference_t)

    Masked entries may hold anything; they reach neither values nor gradients. The reference never carries a gradient.
    Sums over tokens are taken in float32 or wider.

    Args:
        policy: [R, T] log-probability of each token under the policy, nats.
        reference: [R, T] the same under the reference, or None where there is none.
        mask: [R, T] bool, true at the response's tokens.
        stats: optional statistics per token, each [R, T] (entropy, divergence to the reference, ...).
        group: [R] integer, which example of the batch (0 to B − 1) each response belongs to; by default one each.
        fields: what else is known of each response, each [R] (label, score, rank, ..., ``gradient_norm``).
        hidden: [R, T, D] the policy's hidden states that predict each token, with gradient; None where nobody asked.

    Raises:
        ConfigurationError: a shape does not fit, or the reference is asked for where there is none.

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
    hidden: Tensor | None = None

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
        self._require_shape("mask", self.mask, self.policy.shape)
        self._require_shape("group", self.group, torch.Size([rows]))
        if self.hidden is not None:
            self._require_shape("hidden", self.hidden, torch.Size([*self.policy.shape, *self.hidden.shape[2:]]))
        for name, values in self.stats.items():
            self._require_shape(f"stats[{name!r}]", values, self.policy.shape)
        for name, values in self.fields.items():
            self._require_shape(f"fields[{name!r}]", values, torch.Size([rows, *values.shape[1:]]))

    @staticmethod
    def _require_shape(name: str, values: Tensor, shape: torch.Size) -> None:
        if values.shape != shape:
            raise ConfigurationError(f"{name!r} has shape {list(values.shape)}, expected {list(shape)}.")

    def _required_reference(self) -> Tensor:
        if self.reference is None:
            raise ConfigurationError(
                "The log-probabilities under the reference are asked for, but these responses were scored without one.",
                fix="Declare `needs = Needs(reference=True)` in the objective, or choose an anchor other than 'none'.",
            )
        return self.reference

    def stat(self, name: str) -> Tensor:
        """The statistic ``name`` per token, [R, T], with zeros where the mask is false.

        Args:
            name: for example ``"entropy"``.

        Raises:
            ConfigurationError: it was not computed.

        Example:
            >>> one = torch.ones(1, 2)
            >>> Scored(one, None, one > 0, stats={"entropy": 2 * one}).stat("entropy")
            tensor([[2., 2.]])
        """
        if name not in self.stats:
            raise ConfigurationError(
                f"The statistic {name!r} was not computed for these responses. {nearest(name, self.stats)}",
                fix=f"Declare it in the objective: `needs = Needs(stats=frozenset({{{name!r}}}))`.",
            )
        return torch.where(self.mask, self.stats[name], 0.0)

    @cached_property
    def states(self) -> Tensor:
        """The hidden states that predict each token, [R, T, D]; zero where the mask is false.

        Raises:
            ConfigurationError: they were not kept.
        """
        if self.hidden is None:
            raise ConfigurationError(
                "Hidden states are asked for, but these responses were scored without them.",
                fix="Declare `needs = Needs(hidden=True)` in the objective; in plain lists give 'hidden', one list of "
                "numbers for each token.",
            )
        return torch.where(self.mask.unsqueeze(-1), self.hidden, 0.0)

    @cached_property
    def length(self) -> Tensor:
        """Number of tokens of each response, [R] integer."""
        return self.mask.sum(dim=-1)

    @cached_property
    def examples(self) -> int:
        """Number of examples B that the responses belong to."""
        return int(self.group.max()) + 1 if self.group.numel() else 0

    @cached_property
    def logp(self) -> Tensor:
        """Log-probability of each response under the policy, [R], nats."""
        return masked_sum(self.policy, self.mask)

    @cached_property
    def ref_logp(self) -> Tensor:
        """Log-probability of each response under the reference, [R], nats."""
        return masked_sum(self._required_reference(), self.mask)

    @cached_property
    def token_logratio(self) -> Tensor:
        """Policy minus reference per token, [R, T], nats; zero where the mask is false."""
        reference = self._required_reference()
        return torch.where(self.mask, self.policy, 0.0) - torch.where(self.mask, reference, 0.0)

    @cached_property
    def logratio(self) -> Tensor:
        """Log-probability under the policy minus that under the reference, [R], nats."""
        # Summing the differences keeps the digits that are lost when two large sums are subtracted.
        return masked_sum(self.token_logratio, self.mask)

    @cached_property
    def mean_logp(self) -> Tensor:
        """Mean log-probability per token under the policy, [R], nats; 0 for an empty response."""
        return masked_mean(self.policy, self.mask)

    @cached_property
    def mean_ref_logp(self) -> Tensor:
        """Mean log-probability per token under the reference, [R], nats; 0 for an empty response."""
        return masked_mean(self._required_reference(), self.mask)

    @cached_property
    def mean_logratio(self) -> Tensor:
        """Mean log-ratio per token, [R], nats; 0 for an empty response."""
        return masked_mean(self.token_logratio, self.mask)

    def select(self, rows: Tensor) -> Scored:
        """The responses ``rows``, in that order; their examples are numbered anew by first appearance.

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
            hidden=None if self.hidden is None else self.hidden[rows],
        )
