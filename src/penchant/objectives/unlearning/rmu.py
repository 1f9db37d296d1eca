"""RMU: steers the activations of what is to be forgotten to a random direction."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_mean

__all__ = ["RMU", "activation_error", "control_vector"]


def activation_error(view: Scored, activations: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of activations to a target, per response.

    Args:
        view: the responses.
        activations: [R, T, D].
        target: [R, T, D], or [D] for all tokens.

    Returns:
        [R], the mean over features and over the tokens of each response.

    Example:
        >>> one = torch.full((1, 2), -1.0)
        >>> activation_error(Scored(one, None, one < 0), torch.ones(1, 2, 3), torch.zeros(3))
        tensor([1.])
    """
    return masked_mean((activations - target).square().mean(-1), view.mask)


def control_vector(size: int, steering: float, seed: int) -> Tensor:
    """c = steering · u / |u|,   u uniform in [0, 1)^D, float32.

    Example:
        >>> round(control_vector(5, 2.0, 0).norm().item(), 4)
        2.0
    """
    drawn = torch.rand(size, generator=torch.Generator().manual_seed(seed))
    return steering * drawn / drawn.norm()


class RMU(Objective):
    """Representation Misdirection for Unlearning (Li et al., 2024), as in open-unlearning.

    loss = γ A(h(y_forget), c) + α A(h(y_retain), h_ref(y_retain)),   A = mean over tokens and features of (a − b)²

    h are the outputs of layer l at the response tokens, and c = ``steering_coeff`` · u/|u| is a fixed random direction.
    Means are taken for each response; the published code mixes rows of different length. Layers above l get no
    gradient.

    Example:
        >>> one = torch.full((1, 2), -1.0)
        >>> states = {"7": torch.zeros(1, 2, 3)}
        >>> view = Scored(one, one, one < 0, activations=states, reference_activations=states)
        >>> RMU(steering_coeff=3.0)(forget=view, retain=view).values
        tensor([3.])

    Reference:
        Li et al. (2024), The WMDP Benchmark: Measuring and Reducing Malicious Use With Unlearning.
    """

    id = "rmu"
    paper = "arXiv:2403.03218"
    evidence = OFFICIAL_CODE

    layer: Annotated[str, "layer whose output is steered: its number (negative from the last) or path"] = "7"
    steering_coeff: Annotated[float, Ge(0), "length of the control vector c"] = 2.0
    gamma: Annotated[float, Ge(0), "weight γ of the forget term"] = 1.0
    alpha: Annotated[float, Ge(0), "weight α of the retain term"] = 1.0
    seed: Annotated[int, Ge(0), "seed of the random direction"] = 0

    #: A direction u from elsewhere, [D].
    direction: Tensor | None = None

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=True, layers=frozenset({self.layer}), unreferenced=frozenset({"forget"}))

    def loss(self, forget: Scored, retain: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per example, [B], with ``forget_error`` and ``retain_error``."""
        moved = forget.activation(self.layer)
        if self.direction is None:
            target = control_vector(moved.shape[-1], self.steering_coeff, self.seed).to(moved)
        else:
            target = (self.steering_coeff * self.direction / self.direction.norm()).to(moved)
        steered = activation_error(forget, moved, target)
        held = activation_error(retain, retain.activation(self.layer), retain.activation(self.layer, True))
        return self.gamma * steered + self.alpha * held, {"forget_error": steered, "retain_error": held}
