"""Masks of tokens: a network on the states of every layer, masks from activations, and the margin under masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum

__all__ = ["LayerMask", "Masks", "masked_margin", "rescaled_means"]


class Masks(NamedTuple):
    """The masks of the tokens of some responses.

    Attributes:
        reward: [R, T] the share of each token's log-ratio that counts.
        divergence: [R, T] the share of each position's divergence that counts.
    """

    reward: Tensor
    divergence: Tensor


def masked_margin(chosen: Scored, rejected: Scored, better: Masks, worse: Masks) -> Tensor:
    """The margin of a pair under masks, with the divergences of both responses.

    margin = U_chosen − U_rejected − (D_rejected − D_chosen),   U = Σ_t m_t (log π_t − log π_ref,t),   D = Σ_t d_t k_t

    k_t is KL(π_ref ‖ π) over the vocabulary at the position that predicts token t.

    Args:
        chosen: the preferred responses, with the statistic ``reference_kl``.
        rejected: the rejected responses, likewise.
        better: the masks of the preferred responses.
        worse: those of the rejected ones.

    Returns:
        [B], nats.

    Example:
        >>> one, level = torch.ones(1, 2), torch.full((1, 2), -1.0)
        >>> view = Scored(level, level - 1, one > 0, stats={"reference_kl": one})
        >>> masked_margin(view, view, Masks(one, one), Masks(one, 0 * one))
        tensor([2.])

    Reference:
        Christopoulou et al. (2024), SparsePO.
    """
    reward = [
        masked_sum(m.reward * view.token_logratio, view.mask) for view, m in ((chosen, better), (rejected, worse))
    ]
    spent = [
        masked_sum(m.divergence * view.stat("reference_kl"), view.mask)
        for view, m in ((chosen, better), (rejected, worse))
    ]
    return reward[0] - reward[1] - (spent[1] - spent[0])


def rescaled_means(means: Tensor, mask: Tensor) -> Tensor:
    """Masks from activations: each activation's mean over units, brought to [0, 1] over the tokens of a response.

    m_t = mean over kinds of the mean over layers of (a_t − min_s a_s) / (max_s a_s − min_s a_s)

    The published code subtracts the mean and divides by the standard deviation first, which changes nothing. An
    activation that is the same at all tokens of a response gives masks of 1.

    Args:
        means: [R, T, S, L] of S kinds of activations in L layers; NaN where a layer lacks one.
        mask: [R, T] bool.

    Returns:
        [R, T] in [0, 1], without gradient; 0 where the mask is false.

    Example:
        >>> means = torch.tensor([1.0, 3.0, 2.0]).reshape(1, 3, 1, 1)
        >>> rescaled_means(means, torch.ones(1, 3, dtype=torch.bool))
        tensor([[0.0000, 1.0000, 0.5000]])
    """
    inside = mask[..., None, None]
    values = means.detach()
    low = torch.where(inside, values, torch.inf).amin(1, keepdim=True)
    high = torch.where(inside, values, -torch.inf).amax(1, keepdim=True)
    span = high - low
    scaled = torch.where(span > 0, (values - low) / torch.where(span > 0, span, 1.0), 1.0)
    scaled = torch.where(values.isnan(), torch.nan, scaled)
    return torch.where(mask, scaled.nanmean(-1).nanmean(-1), 0.0)


class LayerMask(nn.Module):
    """A mask for each token from the states of every layer.

    m_t = ReLU(Σ_l u_l ReLU(w_l · norm(h_lt) + b_l)),   or ReLU(w · norm(h_Lt) + b) from the last layer alone

    The layer norm is shared by the layers. w starts uniform in ±1/√D as a linear map of PyTorch, b at 0, and u uniform
    in [0, 1/√L], so that no network starts with every mask at 0. Masks are never negative and may be exactly 0.

    Args:
        last: read the last layer alone.
        number: networks with other numbers start from other random weights; all depend on the seed of torch.

    Example:
        >>> network = LayerMask()
        >>> network.bind(3, 2)
        >>> network(torch.zeros(1, 5, 2, 3)).shape
        torch.Size([1, 5])
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None
    mixer: nn.Parameter | None
    scale: nn.Parameter | None
    shift: nn.Parameter | None
    _kind: Tensor

    #: Added to the variance by the layer norm.
    epsilon = 1e-5

    def __init__(self, last: bool = False, number: int = 0) -> None:
        super().__init__()
        self.last, self.number = last, number
        for name in ("weight", "bias", "mixer", "scale", "shift"):
            self.register_parameter(name, None)
        self.register_buffer("_kind", torch.zeros(()), persistent=False)  # number type and device

    def bind(self, hidden_size: int, layers: int) -> None:
        """Create the weights; existing ones stay.

        Args:
            hidden_size: D.
            layers: L.

        Raises:
            ConfigurationError: the weights have another size.
        """
        wanted = (1 if self.last else layers, hidden_size)
        if self.weight is not None:
            if self.weight.shape != wanted:
                raise ConfigurationError(
                    f"The mask network was created for {list(self.weight.shape)} (layers, hidden size), but this model "
                    f"has {list(wanted)}.",
                    fix="Build a new objective for this model.",
                )
            return
        generator = torch.Generator().manual_seed((torch.initial_seed() + self.number) % 2**63)
        weight = (2 * torch.rand(wanted, generator=generator) - 1) * hidden_size**-0.5
        mixer = torch.rand(wanted[0], generator=generator) * wanted[0] ** -0.5
        self._hold(weight, torch.zeros(wanted[0]), mixer, torch.ones(hidden_size), torch.zeros(hidden_size))

    def _hold(self, weight: Tensor, bias: Tensor, mixer: Tensor, scale: Tensor, shift: Tensor) -> None:
        self.weight, self.bias = nn.Parameter(weight.to(self._kind)), nn.Parameter(bias.to(self._kind))
        self.mixer = None if self.last else nn.Parameter(mixer.to(self._kind))
        self.scale, self.shift = nn.Parameter(scale.to(self._kind)), nn.Parameter(shift.to(self._kind))

    def forward(self, states: Tensor) -> Tensor:
        """The masks, [...], of states [..., L, D], in float32 or wider.

        Raises:
            ConfigurationError: the weights were not created.
        """
        if self.weight is None or self.bias is None or self.scale is None or self.shift is None:
            raise ConfigurationError(
                "The mask network has no weights yet.",
                why="Their number depends on the model's layers and hidden states.",
                fix="Call objective.bind_layers(hidden_size, layers) before the first use; training does this "
                "automatically.",
            )
        kind = torch.promote_types(states.dtype, self.weight.dtype)
        read = (states[..., -1:, :] if self.last else states).to(kind)
        normed = nn.functional.layer_norm(
            read,
            read.shape[-1:],
            self.scale.to(kind),
            self.shift.to(kind),
            self.epsilon,
        )
        each = torch.relu((normed * self.weight.to(kind)).sum(-1) + self.bias.to(kind))
        return each[..., 0] if self.mixer is None else torch.relu((each * self.mixer.to(kind)).sum(-1))

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        kept = state_dict.get(f"{prefix}weight")
        if kept is not None:
            self.bind(kept.shape[1], kept.shape[0])
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
