"""SPO: DPO plus a head that classifies how far a response was degraded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_mean
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["SPODegree"]


class SPODegree(Objective):
    """Self-supervised Preference Optimization, SPO, with preference degrees (Li et al., 2024), reconstructed.

    loss = −log σ(β (Δ_chosen − Δ_rejected)) + γ L_deg,   L_deg = mean over copies of −log softmax(W h + b)_k

    Δ = log π(y|x) − log π_ref(y|x), summed over tokens, nats. The copies of an example are its responses with
    increasing amounts of content removed: fields ``chosen_degraded`` and ``rejected_degraded``, each a list of K texts,
    with k = 0 the intact one. h is the hidden state that predicts the last token of a copy, the end token, so it covers
    the whole copy. Head and model are trained together; the head is not part of the saved model. It starts at zero,
    where L_deg = log K.

    Example:
        >>> one = torch.ones(2, 3, dtype=torch.bool)
        >>> pair = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), one[:1])
        >>> copies = Scored(torch.full((2, 3), -1.0), None, one, group=torch.tensor([0, 0]), hidden=torch.ones(2, 3, 4))
        >>> objective = SPODegree(levels=2, gamma=1.0)
        >>> objective.bind(4)
        >>> objective(chosen=pair, rejected=pair, chosen_degraded=copies, rejected_degraded=copies).values
        tensor([1.3863], grad_fn=<AddBackward0>)

    Reference:
        Li, Huang, Zhang, Xu, Chen, Song, Shi, Wang, Xu (2024), Self-supervised Preference Optimization: Enhance Your
        Language Model with Preference Degree Awareness.
    """

    id = "spo-degree"
    paper = "arXiv:2409.17791"
    evidence = reconstruction(
        "Which content is removed, the number of levels, and the pooling of hidden states are our reading of the "
        "abstract; the public repository contains no code."
    )
    needs = Needs(reference=True, unreferenced=frozenset({"chosen_degraded", "rejected_degraded"}), hidden=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    gamma: Annotated[float, Ge(0), "weight of the classification of levels"] = 0.1
    levels: Annotated[int, Ge(2), "number K of degradation levels, including the intact response"] = 4

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.head = Head(self.levels)

    def loss(
        self, chosen: Scored, rejected: Scored, chosen_degraded: Scored, rejected_degraded: Scored
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair, [B], with the loss and the accuracy of the level classification."""
        sides = (chosen_degraded, rejected_degraded)
        logits = torch.cat([self.head(_last_states(each)) for each in sides])
        level = torch.cat([self._levels(each) for each in sides])
        group = torch.cat([each.group for each in sides])
        surprise = torch.nn.functional.cross_entropy(logits, level, reduction="none")
        degree = group_mean(surprise, group)
        accuracy = group_mean((logits.argmax(-1) == level).to(logits.dtype), group)
        base = logistic(self.beta * logratio_margin(chosen, rejected))
        return base + self.gamma * degree, {"base_loss": base, "degree_loss": degree, "degree_accuracy": accuracy}

    def _levels(self, view: Scored) -> Tensor:
        """The level of each copy: its position within its example."""
        level = torch.arange(len(view.group), device=view.group.device)
        level = level - torch.searchsorted(view.group.contiguous(), view.group)
        count = torch.bincount(view.group)
        if (count != self.levels).any():
            found = ", ".join(map(str, sorted(set(count.tolist()))))
            raise ConfigurationError(
                f"An example has {found} copies of a response, expected levels={self.levels} (with the intact one).",
                where=f"objective {self.id}",
                fix="Set objective.levels to that number, or rebuild the data: `penchant data build degrade`.",
            )
        return level


def _last_states(view: Scored) -> Tensor:
    """The hidden state that predicts the last token of each response, [R, D]; zero for an empty one."""
    last = (view.length - 1).clamp(min=0)
    return view.states[torch.arange(len(last), device=last.device), last]
