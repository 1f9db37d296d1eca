"""SparsePO: DPO in which masks of tokens weigh log-ratio and divergence, learned or taken from activations."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.requirements import EVERY_LAYER, UNIT_MEANS
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_mean, masked_sum
from penchant.objectives.functional.pairs import logistic
from penchant.objectives.functional.token_masks import LayerMask, Masks, masked_margin, rescaled_means

__all__ = ["SparsePO", "SparsePOFromActivations"]


class _Masked(Objective):
    """Base class of both forms: the loss under given masks."""

    paper = "arXiv:2410.05102"
    evidence = OFFICIAL_CODE
    tags: ClassVar[tuple[str, ...]] = ("divergence",)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.8
    )

    def under(self, chosen: Scored, rejected: Scored, better: Masks, worse: Masks) -> Tensor:
        """−log σ(β margin) under masks of both responses, [B]; see `penchant.objectives.functional.token_masks`."""
        return logistic(self.beta * masked_margin(chosen, rejected, better, worse))

    def masks(self, view: Scored) -> Masks:
        """The masks of some responses."""
        raise NotImplementedError

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward β Σ_t m_t log-ratio_t, [R], without gradient; unmasked if there are no states."""
        if not view.reference_activations:
            return super().rewards(view)
        return (self.beta * masked_sum(self.masks(view).reward * view.token_logratio, view.mask)).detach()


def _facts(better: Masks, worse: Masks, chosen: Scored, rejected: Scored) -> dict[str, Tensor]:
    """Mean mask and share of masks that are exactly 0, of each response."""
    found = {}
    for side, masks, view in (("chosen", better, chosen), ("rejected", worse, rejected)):
        found[f"mask/{side}"] = masked_mean(masks.reward, view.mask)
        found[f"sparsity/{side}"] = masked_mean((masks.reward == 0).to(masks.reward.dtype), view.mask)
    return found


class SparsePO(_Masked):
    """SparsePO with learned masks (Christopoulou, Cardenas, Lampouras, Bou-Ammar, Wang, 2024).

    loss = −log σ(β [U_chosen − U_rejected − (D_rejected − D_chosen)]) + c_u Σ_t |m_t| + c_d Σ_t |d_t|

    U = Σ_t m_t (log π_t − log π_ref,t),   D = Σ_t d_t KL(π_ref ‖ π)_t

    The penalties sum over the tokens of both responses. A small network reads the reference's states of every layer at
    the position that predicts token t: m_t = ReLU(Σ_l u_l ReLU(w_l · norm(h_lt) + b_l)). With ``common_mask`` d = m,
    and both penalties count it; else d has its own network. The networks are trained with the model and kept in
    checkpoints, not in the saved model. Gradients reach the policy, the chosen response's divergence included, and the
    masks. The published dropout inside the network is left out. All masks 1 with c = 0 is TDPO1.

    Example:
        >>> import torch
        >>> one, level = torch.ones(1, 2, dtype=torch.bool), torch.full((1, 2), -1.0)
        >>> inside = {"every layer": torch.zeros(1, 2, 3, 4)}
        >>> view = Scored(level, level, one, stats={"reference_kl": -level}, reference_activations=inside)
        >>> objective = SparsePO()
        >>> objective.bind_layers(4, 3)
        >>> objective(chosen=view, rejected=view).values
        tensor([0.6931], grad_fn=<AddBackward0>)

    Reference:
        Christopoulou, Cardenas, Lampouras, Bou-Ammar, Wang (2024), SparsePO: Controlling Preference Alignment of LLMs
        via Sparse Token Masks.
    """

    id = "sparsepo"
    exempt = Exempt(zero_margin="tokens whose mask is 0 have no gradient")
    needs = Needs(reference=True, stats=frozenset({"reference_kl"}), reference_states=frozenset({EVERY_LAYER}))

    common_mask: Annotated[bool, "one network for log-ratio and divergence"] = True
    l1_reward: Annotated[float, Ge(0), "weight of the sum of the masks of log-ratios"] = 0.0
    l1_kl: Annotated[float, Ge(0), "weight of the sum of the masks of divergences"] = 0.0
    layers: Annotated[Literal["all", "last"], "states that the networks read: of every layer, or of the last"] = "all"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.reward_mask = LayerMask(self.layers == "last")
        self.kl_mask = None if self.common_mask else LayerMask(self.layers == "last", number=1)
        self.needs = replace(type(self).needs, stats_cancel=self.common_mask)

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with mean and sparsity of the masks."""
        better, worse = self.masks(chosen), self.masks(rejected)
        return self.under(chosen, rejected, better, worse), _facts(better, worse, chosen, rejected)

    def under(self, chosen: Scored, rejected: Scored, better: Masks, worse: Masks) -> Tensor:
        """The loss under given masks, [B], with the penalties of their sizes."""
        values = super().under(chosen, rejected, better, worse)
        for masks, view in ((better, chosen), (worse, rejected)):
            values = values + self.l1_reward * masked_sum(masks.reward.abs(), view.mask)
            values = values + self.l1_kl * masked_sum(masks.divergence.abs(), view.mask)
        return values

    def masks(self, view: Scored) -> Masks:
        """The masks that the networks give some responses."""
        states = view.activation(EVERY_LAYER, of_reference=True)
        reward = self.reward_mask(states)
        return Masks(reward, reward if self.kl_mask is None else self.kl_mask(states))


class SparsePOFromActivations(_Masked):
    """SparsePO with masks from the reference's activations, MaPO (Christopoulou et al., 2024): nothing is learned.

    loss = −log σ(β [U_chosen − U_rejected − (D_rejected − D_chosen)]),   U = Σ_t m_t (log π_t − log π_ref,t)

    D = Σ_t m_t KL(π_ref ‖ π)_t. m_t is the mean over kinds of activations (linear maps of the attention, feed-forward
    block, output of the layer, logits) of the mean over layers of a_t, the activation's mean over hidden units, brought
    to [0, 1] over the tokens of the response. So the token with the smallest activation does not count.

    Example:
        >>> import torch
        >>> one, level = torch.ones(1, 2, dtype=torch.bool), torch.full((1, 2), -1.0)
        >>> inside = {"means of units": torch.tensor([0.1, 0.3]).reshape(1, 2, 1, 1)}
        >>> view = Scored(level, level, one, stats={"reference_kl": -level}, reference_activations=inside)
        >>> SparsePOFromActivations()(chosen=view, rejected=view).statistics["mask/chosen"]
        tensor([0.5000])

    Reference:
        Christopoulou, Cardenas, Lampouras, Bou-Ammar, Wang (2024), SparsePO: Controlling Preference Alignment of LLMs
        via Sparse Token Masks.
    """

    id = "sparsepo-mapo"
    needs = Needs(
        reference=True,
        stats=frozenset({"reference_kl"}),
        stats_cancel=True,
        reference_states=frozenset({UNIT_MEANS}),
    )

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with mean and sparsity of the masks."""
        better, worse = self.masks(chosen), self.masks(rejected)
        return self.under(chosen, rejected, better, worse), _facts(better, worse, chosen, rejected)

    def masks(self, view: Scored) -> Masks:
        """The masks from the activations of some responses."""
        found = rescaled_means(view.activation(UNIT_MEANS, of_reference=True), view.mask).to(view.policy.dtype)
        return Masks(found, found)
