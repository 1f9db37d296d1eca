"""CRMT: a judge of classes that reads several modalities apart, so that none of them is needed alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.fusion_head import FusionHead
from penchant.objectives.functional.modality_changes import attacked, mixed, shares
from penchant.objectives.functional.modality_head import joint_loss
from penchant.objectives.functional.perceptrons import whole_indices

__all__ = ["CRMT"]

_NAMES = ("first", "second", "third")


class CRMT(Objective):
    """Certifiably robust multi-modal training (Yang et al., 2024).

    loss = CE(Σ_m a_m ⊙ o_m + b, y) + ρ log(Σ_m Σ_{k≠y} exp(o_{m,k} − o_{m,y}) + ε),   o_m = W̃_m x_m

    x_m is the hidden state at the last token of the text of modality m, which is read by itself. The rows of W̃_m have
    mean 0 and norm 1, so that the second term asks every modality alone for the class, and the factors a_m decide how
    much each counts. With ``certify`` everything but these factors is frozen, and the loss is minus the certified
    radius: how far the states may move together before the class changes.

    ``variant`` changes the states of the first step while it trains. ``adversarial`` moves them to where the
    cross-entropy is larger, in five steps of ε/5. ``mixup`` mixes those of each example with the next one's, with the
    loss λ L(y_i) + (1 − λ) L(y_{i+1}). Held-out figures are those of the states as they are.

    By default the first modality is the prompt and the second one the response of a single response; the record fields
    ``first_modality``, ``second_modality`` and ``third_modality`` give other texts. ``class_label`` is the class y.
    The trained model is a judge: its score is the expected value of the class.

    Example:
        >>> one = torch.ones(1, 1, dtype=torch.bool)
        >>> view = Scored(torch.zeros(1, 1), None, one, ends=torch.zeros(1, 2, 3), likelihood=False)
        >>> objective = CRMT(rho=0.0)
        >>> objective.bind(3)
        >>> objective(first_modality=view, second_modality=view, class_label=torch.tensor([1.0])).values.detach()
        tensor([0.6931])

    Reference:
        Yang, Lu, Wang, Wei, Hu (2024), Quantifying and Enhancing Multi-modal Robustness with Modality Preference.
    """

    id = "crmt"
    paper = "arXiv:2402.06244"
    evidence = OFFICIAL_CODE
    exempt = Exempt(value_gradient="with certify the states carry no gradient")
    needs = Needs(ends=True, likelihood=False)
    #: A judge of this objective reads prompt and response apart, see `judged`.
    apart: ClassVar[bool] = True
    #: The number of the modality that a judge does without; None for none.
    without: ClassVar[int | None] = None

    classes: Annotated[int, Ge(2), "number C of classes"] = 2
    modalities: Annotated[int, Interval(ge=1, le=3), "number of modalities"] = 2
    rho: Annotated[float, Ge(0), "weight ρ of the margins of every modality on its own"] = 2.0
    group: Annotated[int, Ge(1), "rows that are orthogonal to one another; 1 only scales each to norm 1"] = 1
    eps: Annotated[float, Ge(0), "ε under the logarithm"] = 1e-5
    certify: Annotated[bool, "the second step: train the factors a_m alone, for a larger certified radius"] = False
    values: Annotated[list[float] | None, "value of each class, for the judge; 0 to C − 1 if absent"] = None
    variant: Annotated[
        Literal["none", "adversarial", "mixup"], "train the first step on states that are attacked or mixed"
    ] = "none"
    epsilon: Annotated[float, Gt(0), "length ε of the attack, in the unit of the hidden states"] = 0.5

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.values is not None and len(self.values) != self.classes:
            raise ConfigurationError(
                f"There are {len(self.values)} values for {self.classes} classes.",
                where=f"objective {self.id}",
                fix="Give one value for each class, or none.",
            )
        if self.classes % self.group:
            raise ConfigurationError(
                f"{self.classes} classes cannot be divided into groups of {self.group} rows.",
                where=f"objective {self.id}",
                fix="Set objective.group to 1, or to a divisor of the number of classes.",
            )
        if self.certify and self.variant != "none":
            raise ConfigurationError(
                f"variant={self.variant} changes the states of the first step, and certify=true is the second one.",
                where=f"objective {self.id}",
                fix="Train with the variant first, then without it and with certify=true from that model.",
            )
        self.batch_coupled = self.variant == "mixup"
        self.reward_head = FusionHead(self.modalities, self.classes, self.group)
        self._freeze()

    def _freeze(self) -> None:
        if self.certify:
            for name, parameter in self.named_parameters():
                parameter.requires_grad_(".scales." in name)

    def bind(self, hidden_size: int) -> None:
        """Create the head; in the second step all but the factors a_m is frozen."""
        super().bind(hidden_size)
        self._freeze()

    @property
    def numbered(self) -> Mapping[str, int]:
        """See `Objective.numbered`."""
        return {"class_label": self.classes}

    def loss(
        self,
        first_modality: Scored,
        class_label: Tensor,
        second_modality: Scored | None = None,
        third_modality: Scored | None = None,
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of each record, [B], with its radius and whether the class is found, with and without a modality."""
        label = whole_indices(class_label, self.classes, "class_label", self.id)
        states = self._states([first_modality, second_modality, third_modality])
        outputs = self.reward_head.of_states(states)
        logits, radius = self.reward_head.logits(outputs), self.reward_head.radius(outputs, label)
        values = -radius if self.certify else self._changed(states, label)
        found = {"class_accuracy": _right(logits, label), "certified_radius": radius.detach()}
        for place in range(self.modalities if self.modalities > 1 else 0):
            found[f"accuracy_without_{_NAMES[place]}"] = _right(self.reward_head.logits(outputs, place), label)
        return values, found

    def _changed(self, states: list[Tensor], label: Tensor) -> Tensor:
        """The loss of the first step, [B], with states that the variant has changed where gradients are computed."""
        variant = self.variant if torch.is_grad_enabled() else "none"
        if variant == "adversarial":
            states = attacked(states, lambda moved: self._classified(moved, label, rho=0.0), self.epsilon)
        if variant != "mixup":
            return self._classified(states, label, self.rho)
        own = shares(len(label), states[0])
        states = mixed(states, own)
        both = [self._classified(states, each, self.rho) for each in (label, label.roll(-1))]
        return own * both[0] + (1 - own) * both[1]

    def _classified(self, states: list[Tensor], label: Tensor, rho: float) -> Tensor:
        outputs = self.reward_head.of_states(states)
        return joint_loss(outputs, self.reward_head.logits(outputs), label, rho, self.eps)

    def _states(self, views: list[Scored | None]) -> list[Tensor]:
        given = views[: self.modalities]
        missing = [name for name, view in zip(_NAMES, given, strict=False) if view is None]
        if missing:
            raise ConfigurationError(
                f"The records have no {missing[0]} modality, and the objective reads {self.modalities}.",
                where=f"objective {self.id}",
                fix=f"Give the field '{missing[0]}_modality', or set objective.modalities.",
            )
        states = [view.end_state for view in given if view is not None]
        return [each.detach() for each in states] if self.certify else states

    def read_out(self, end_states: Tensor) -> Tensor:
        """The states themselves: the classes follow from those of several texts."""
        return end_states

    def rewards(self, view: Scored) -> Tensor | None:
        """None: the log has one reward a response, and here a class follows from several texts."""
        return None

    def class_probabilities(self, states: list[Tensor]) -> Tensor:
        """The probability of each class, [B, C], without the modality `without`.

        Args:
            states: for each modality [B, D].
        """
        outputs = self.reward_head.of_states(states)
        return self.reward_head.logits(outputs, self.without).softmax(dim=-1)

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The expected value of the class of each response, [K].

        Args:
            outputs: [K + 1, D] the states at the last tokens of the prompt and of each response, read apart.
            prompt_state: not read.

        Raises:
            ConfigurationError: the model has not two modalities.
        """
        if self.modalities != 2:
            raise ConfigurationError(
                f"The model reads {self.modalities} modalities; a judge has two, prompt and response.",
                where=f"objective {self.id}",
                fix="Train with objective.modalities=2.",
            )
        prompt, responses = outputs[:1].expand(len(outputs) - 1, -1), outputs[1:]
        values = self.values if self.values is not None else list(range(self.classes))
        table = self.class_probabilities([prompt, responses])
        return table @ torch.tensor(values, dtype=table.dtype, device=table.device)


def _right(logits: Tensor, label: Tensor) -> Tensor:
    return (logits.argmax(dim=-1) == label).to(logits.dtype)
