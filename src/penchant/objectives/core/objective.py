"""The base class of objectives: hyper-parameters, requirements, and a loss per example."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core import registry
from penchant.objectives.core.evidence import Evidence
from penchant.objectives.core.family import SignatureFamily
from penchant.objectives.core.former import Former
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.requirements import Needs, Requirements, read_signature
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.tags import check_tags
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.token_masks import LayerMask
from penchant.registry import Configurable
from penchant.settings import REQUIRED, Setting

__all__ = ["Losses", "Needs", "Objective", "Requirements", "requirements"]


@dataclass(frozen=True, eq=False)
class Losses:
    """The losses and statistics of a batch of B examples.

    Args:
        values: [B] the loss per example, unreduced.
        statistics: named numbers per example, each [B], without gradient.

    Example:
        >>> Losses(torch.tensor([1.0, 3.0])).values.mean()
        tensor(2.)
    """

    values: Tensor
    statistics: Mapping[str, Tensor] = field(default_factory=dict)


class Objective(Configurable, torch.nn.Module):
    """A method of preference optimization, as a function of likelihoods.

    loss = f(views, fields),   one value per example, unreduced

    A subclass sets ``id``, ``paper``, ``evidence``, ``tags`` and ``needs``, declares its hyper-parameters as annotated
    fields, and implements ``loss``. The signature of ``loss`` defines the inputs: a parameter annotated ``Scored`` is a
    view (a set of scored sequences, one per example), one annotated ``Tensor`` is a record field; a default makes it
    optional. The family follows from the signature (`family_of`). ``loss`` returns a tensor [B], or that tensor and a
    dictionary of named statistics [B]. Buffers hold state that training changes, parameters hold trainable parts; both
    are saved with checkpoints. A class with an id is final; two methods share a function, or a base class without an id
    in their paper's file.

    Args:
        hyper: hyper-parameters by name.

    Raises:
        ConfigurationError: an unknown hyper-parameter, a wrong type, or a value out of range.

    Example:
        >>> from penchant.objectives import DPO
        >>> DPO(beta=0.5).hyper
        {'beta': 0.5, 'reference_free': False}
    """

    kind = "objective"
    setting_word = "hyper-parameter"

    id: str = ""
    #: Other names under which papers publish the same formula.
    aliases: ClassVar[tuple[str, ...]] = ()
    paper: str = ""
    #: What it has in common with methods of other families; keys of `penchant.objectives.core.tags.TAGS`.
    tags: ClassVar[tuple[str, ...]] = ()
    #: Ids of other objectives whose saved reward models it can start from.
    continues: ClassVar[tuple[str, ...]] = ()
    #: The grounds on which it is taken to be correct; None if not stated.
    evidence: ClassVar[Evidence | None] = None
    #: Laws that do not hold for it, each with the reason.
    exempt: ClassVar[Exempt] = Exempt()
    #: Hyper-parameters that it had or that related methods have, with what to use instead.
    former: ClassVar[tuple[Former, ...]] = ()
    #: Derived from the signature; declared only for the families in `penchant.objectives.core.family.DECLARED`.
    family: ClassVar[str] = SignatureFamily()  # type: ignore[assignment]  # the descriptor gives a string
    needs: Needs = Needs()
    #: Whether an example's loss depends on the other examples of its batch.
    batch_coupled: bool = False
    #: Whether it depends on them through the mean number of tokens of a response alone, which is known beforehand.
    coupled_by_length: bool = False
    #: The class of weighted sums that ``+`` and ``*`` build from (weight, objective) terms; set by `composition`.
    summed: ClassVar[Callable[[list[tuple[float, Objective]]], Objective]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "id" in vars(cls):
            place = f"{cls.__module__}.{cls.__qualname__}"
            for each in cls.hyperparameters():  # a malformed declaration fails at class definition, not at first use
                if each.default is REQUIRED:
                    raise ConfigurationError(f"The hyper-parameter {each.name!r} has no default.", where=place)
            check_tags(cls.tags, place)
            cls.aliases = vars(cls).get("aliases", ())  # aliases are not inherited
            registry.register(cls)

    def __init__(self, **hyper: Any) -> None:
        for each in self.former:
            if each.name in hyper and each.covers(hyper[each.name]):
                raise each.error(f"objective {self.id}", hyper[each.name])
        super().__init__(**hyper)

    @classmethod
    def hyperparameters(cls) -> list[Setting]:
        """The hyper-parameters of this objective: names, types, defaults, ranges, meanings."""
        return cls.declared_settings()

    @property
    def hyper(self) -> dict[str, Any]:
        """The hyper-parameters by name; ``build(objective.id, **objective.hyper)`` builds an equal objective."""
        return self.settings

    @property
    def scored_twice(self) -> bool:
        """Whether the loss of a part of a step needs the scores of all of it, so that a split step is scored twice."""
        return self.batch_coupled and not self.coupled_by_length

    @property
    def numbered(self) -> Mapping[str, int]:
        """Record fields that number people or classes from 0, and how many of these there are."""
        return {}

    @property
    def requirements(self) -> Requirements:
        """The views and record fields that the loss reads, and what must be computed for them."""
        return replace(read_signature(type(self).loss, self.needs), numbered=self.numbered)

    def loss(self, *args: Any, **kwargs: Any) -> Tensor | tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per example, [B]; optionally with named statistics, each [B]."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `loss`.")

    def forward(self, **inputs: Any) -> Losses:
        """Compute the losses from the inputs that the objective needs, by name.

        Args:
            inputs: a ``Scored`` for each view, a ``Tensor`` [B] for each record field.

        Returns:
            The losses [B] and the statistics, which carry no gradient.

        Raises:
            ConfigurationError: an input is missing or unknown, or there is not one loss per example.
        """
        wanted = self.requirements
        known = wanted.views + wanted.fields
        missing = [name for name in known if name not in inputs and name not in wanted.optional]
        unknown = [name for name in inputs if name not in known]
        if missing or unknown:
            faults = [
                f"{word} {', '.join(map(repr, each))}"
                for word, each in (("without", missing), ("with", unknown))
                if each
            ]
            raise ConfigurationError(
                f"The loss is called {' and '.join(faults)}; it takes {', '.join(map(repr, known))}.",
                where=f"objective {self.id}",
            )
        result = self.loss(**inputs)
        values, statistics = result if isinstance(result, tuple) else (result, {})
        if not isinstance(values, Tensor):
            raise ConfigurationError(
                f"The loss returned {type(values).__name__}, expected a tensor with one loss per example, [B].",
                where=f"objective {self.id}",
            )
        if values.dim() != 1:
            raise ConfigurationError(
                f"The losses have shape {list(values.shape)}, expected one per example, [B].",
                where=f"objective {self.id}",
            )
        return Losses(values, {name: each.detach() for name, each in statistics.items()})

    def compute(self, inputs: Mapping[str, Any]) -> Losses:
        """Compute the losses from those inputs that the objective needs; others are ignored.

        Args:
            inputs: views and record fields by name, as for `forward`.

        Returns:
            The losses [B] and the statistics.

        Raises:
            ConfigurationError: an input that it needs is missing.
        """
        wanted = self.requirements
        result: Losses = self(**{name: each for name, each in inputs.items() if name in wanted.views + wanted.fields})
        return result

    def rewards(self, view: Scored) -> Tensor | None:
        """The reward of each response, for the log: that of the reward head, or the implicit one.

        r = β (log π(y|x) − log π_ref(y|x)),   summed over tokens, nats

        Args:
            view: responses scored by policy and reference.

        Returns:
            [R] without gradient, or None if the objective implies no reward.
        """
        head = getattr(self, "reward_head", None)  # of objectives that train a reward model
        if head is not None and view.ends is not None:
            return self.judged(head(view.end_state)).detach() if self.scalar and not self.reads_prompt else None
        beta = getattr(self, "beta", None)
        if beta is None or view.reference is None or not self.needs.reference:
            return None
        return (beta * view.logratio).detach()

    @property
    def scalar(self) -> bool:
        """Whether the outputs of the reward head stand for one number a response, by `judged`."""
        head = getattr(self, "reward_head", None)
        one = getattr(head, "outputs", None) == 1
        return head is not None and (one or type(self).judged is not Objective.judged)

    @property
    def reads_prompt(self) -> bool:
        """Whether judging also needs the hidden state at the last token of the prompt."""
        return False

    def read_out(self, end_states: Tensor) -> Tensor:
        """What `judged` and `preferences` read: the outputs of the reward head.

        Args:
            end_states: [R, D] at the last token of each response.

        Returns:
            [R, n].
        """
        outputs: Tensor = self.reward_head(end_states)  # type: ignore[operator]
        return outputs

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards that the outputs of the reward head stand for.

        Args:
            outputs: [R, n] of the head.
            prompt_state: [D] as for `preferences`.

        Returns:
            [R].
        """
        return outputs[..., 0]

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The probability that each response is preferred to each other one, from the outputs of the reward head.

        P_ij = σ(r_i − r_j)

        Args:
            outputs: [K, n] of the head, for K responses to one prompt.
            prompt_state: [D] the state at the last token of the prompt, for heads that read it.

        Returns:
            [K, K] in [0, 1].
        """
        rewards = self.judged(outputs, prompt_state)
        return torch.sigmoid(rewards.unsqueeze(1) - rewards.unsqueeze(0))

    def bind(self, hidden_size: int) -> None:
        """Create the heads that read hidden states; called once the model is known, before the optimizer is created.

        Args:
            hidden_size: dimension of the model's hidden states.
        """
        for part in self.modules():
            if isinstance(part, Head):
                part.bind(hidden_size)

    def bind_layers(self, hidden_size: int, layers: int) -> None:
        """Create the networks that read states of every layer; called as `bind`.

        Args:
            hidden_size: dimension of the model's hidden states.
            layers: number of its decoder layers.
        """
        for part in self.modules():
            if isinstance(part, LayerMask):
                part.bind(hidden_size, layers)

    def extra_repr(self) -> str:
        """The hyper-parameters as keyword arguments."""
        return ", ".join(f"{each.attribute}={getattr(self, each.attribute)!r}" for each in self.hyperparameters())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"  # without heads, which are not hyper-parameters

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            raise ConfigurationError(f"{other!r} cannot be added to an objective: only objectives can.")
        return Objective.summed([(1.0, self), (1.0, other)])

    def __mul__(self, weight: float) -> Objective:
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise ConfigurationError(f"An objective cannot be multiplied by {weight!r}, only by a number.")
        return Objective.summed([(weight, self)])

    __rmul__ = __mul__


def requirements(objective: Objective | type[Objective]) -> Requirements:
    """The views and record fields that an objective, or a class of objectives, needs.

    Args:
        objective: an instance or a class.

    Raises:
        ConfigurationError: a parameter of its loss is neither a view nor a field.

    Example:
        >>> requirements(registry.get("dpo")).needs.reference
        True
    """
    # Requirements may depend on the hyper-parameters; for a class, the defaults decide.
    return objective.requirements if isinstance(objective, Objective) else objective().requirements
