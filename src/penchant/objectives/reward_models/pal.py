"""PAL: a reward that is the nearness of a response to the annotator's ideal point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.ideal_points import hinge, mixed_points, scaled_cosines, smooth_hinge, to_points
from penchant.objectives.functional.pairs import logistic
from penchant.objectives.functional.perceptrons import Perceptron, normal_start, whole_indices

__all__ = ["PAL"]


class PAL(Objective):
    """PAL, pluralistic alignment from heterogeneous preferences (Chen et al., 2024).

    loss = max(0, m − (r(y_w) − r(y_l))),   r(y) = −‖f(h_y) − a_u‖,   a_u = Σ_k softmax(u)_k P_k

    h_y is the hidden state at the last token of the response, f a network into the space of preferences. All annotators
    share the K prototypes P; each has K numbers u of its own, so that a new one needs a few comparisons only. The
    record field ``annotator`` is its number, from 0. In form B the prototypes are networks of the hidden state at the
    end of the prompt, and r is the scaled cosine s cos(f, a). The hinge can be smooth, or the loss logistic.

    With ``only_annotators`` states, f and prototypes have no gradient: only the numbers u are trained.

    Example:
        >>> state = torch.zeros(1, 2, 3)
        >>> one = torch.ones(1, 1, dtype=torch.bool)
        >>> view = Scored(torch.zeros(1, 1), None, one, ends=state, likelihood=False)
        >>> objective = PAL(annotators=2)
        >>> objective.bind(3)
        >>> objective(chosen=view, rejected=view, annotator=torch.tensor([1.0])).values
        tensor([1.], grad_fn=<ClampBackward1>)

    Reference:
        Chen, Chen, Rege, Vinayak (2024), PAL: Pluralistic Alignment Framework for Learning from Heterogeneous
        Preferences.
    """

    id = "pal"
    paper = "arXiv:2406.08469"
    evidence = OFFICIAL_CODE
    exempt = Exempt(value_gradient="with only_annotators the states carry no gradient")
    needs = Needs(ends=True, likelihood=False)

    form: Annotated[Literal["A", "B"], "A: points shared by all prompts; B: points that depend on the prompt"] = "A"
    pair_loss: Annotated[Literal["hinge", "smooth_hinge", "logistic"], "loss of the reward difference"] = "hinge"
    annotators: Annotated[int, Ge(1), "number of annotators; their numbers go from 0 to one less"] = 2
    prototypes: Annotated[int, Ge(1), "number K of shared prototypes; with 1 all annotators agree"] = 2
    width: Annotated[
        int, Ge(1), "dimension of the space of preferences, and width of the networks; 512 in the paper"
    ] = 64
    layers: Annotated[int, Ge(0), "hidden layers of the networks"] = 2
    margin: Annotated[float, Ge(0), "margin m of the hinge"] = 1.0
    smooth: Annotated[float, Gt(0), "width of the smooth part of the smooth hinge"] = 5.0
    temperature: Annotated[float, Gt(0), "temperature of an annotator's weights"] = 1.0
    only_annotators: Annotated[bool, "train the annotators' weights alone, for new annotators"] = False

    #: The number of the annotator for whom the trained objective judges; None for all of them together.
    viewer: ClassVar[int | None] = None

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.reward_head = Perceptron(self.width, self.width, self.layers)
        self.weights = nn.Parameter(normal_start(self.annotators, self.prototypes, salt=1))
        if self.form == "A":
            self.points = nn.Parameter(normal_start(self.prototypes, self.width, salt=2) / math.sqrt(self.width))
        else:
            maps = [Perceptron(self.width, self.width, self.layers, salt=3 + k) for k in range(self.prototypes)]
            self.prompt_maps = nn.ModuleList(maps)
            self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        if self.only_annotators:
            for name, parameter in self.named_parameters():
                parameter.requires_grad_(name == "weights")

    def bind(self, hidden_size: int) -> None:
        """Create the networks' first layers; frozen ones stay so."""
        super().bind(hidden_size)
        if self.only_annotators:
            for name, parameter in self.named_parameters():
                parameter.requires_grad_(name == "weights")

    def reward(self, view: Scored, annotator: Tensor) -> Tensor:
        """The reward of each response for its annotator.

        Args:
            view: R responses with their states at both ends.
            annotator: [R] integers.

        Returns:
            [R]; only differences between responses to one prompt mean anything.
        """
        ends = [view.end_state, view.start_state]
        end, start = (each.detach() for each in ends) if self.only_annotators else ends
        return self._nearness(self.reward_head(end), start, annotator)

    def _nearness(self, items: Tensor, starts: Tensor | None, annotator: Tensor) -> Tensor:
        """The rewards [R] of items [R, d] for their annotators [R]; form B reads the states [R, D] of the prompts."""
        logits = self.weights[annotator].to(items.dtype)
        if self.form == "A":
            return -to_points(items, mixed_points(logits, self.points.to(items.dtype), self.temperature))
        maps = torch.stack([network(starts) for network in self.prompt_maps], dim=1)
        return scaled_cosines(items, mixed_points(logits, maps, self.temperature), self.log_scale)

    @property
    def reads_prompt(self) -> bool:
        """Whether the ideal points depend on the prompt."""
        return self.form == "B"

    def rewards(self, view: Scored) -> Tensor | None:
        """None: the log has one reward a response, and here each annotator has another."""
        return None

    def personal_rewards(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards for the annotator `viewer`, or for each of them.

        Args:
            outputs: [K, d] items, of K responses to one prompt.
            prompt_state: [D] the state at the last token of the prompt, for form B.

        Returns:
            [A, K], A = 1 with a viewer, else the number of annotators.
        """
        people = range(self.annotators) if self.viewer is None else [self.viewer]
        rows = len(outputs)
        starts = None if prompt_state is None else prompt_state.to(outputs.dtype).expand(rows, -1)
        return torch.stack([self._nearness(outputs, starts, torch.full((rows,), each)) for each in people])

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards of K responses, [K]: those of the annotator `viewer`, or the mean over all annotators."""
        return self.personal_rewards(outputs, prompt_state).mean(dim=0)

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The share of annotators who prefer each response to each other one, [K, K]: mean_u σ(r_u(i) − r_u(j))."""
        rewards = self.personal_rewards(outputs, prompt_state)
        return torch.sigmoid(rewards.unsqueeze(2) - rewards.unsqueeze(1)).mean(dim=0)

    @property
    def numbered(self) -> Mapping[str, int]:
        """See `Objective.numbered`."""
        return {"annotator": self.annotators}

    def loss(self, chosen: Scored, rejected: Scored, annotator: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair, [B], with the margin of rewards and whether the order is right."""
        who = whole_indices(annotator, self.annotators, "annotator", self.id)
        margin = self.reward(chosen, who) - self.reward(rejected, who)
        if self.pair_loss == "logistic":
            values = logistic(margin)
        elif self.pair_loss == "smooth_hinge":
            values = smooth_hinge(margin, self.margin, self.smooth)
        else:
            values = hinge(margin, self.margin)
        return values, {"reward_margin": margin, "reward_accuracy": (margin > 0).to(margin.dtype)}
