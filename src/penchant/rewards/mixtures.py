"""Judges made of judges: ``ensemble``, which distrusts disagreement, and ``weighted``, a weighted sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, MinLen
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.objectives.functional.reward_mixtures import Ensemble, Order, ensemble, spread, standardised, weighted
from penchant.rewards.judge import Judge
from penchant.rewards.registry import unread_judge
from penchant.rewards.wrapped.members import CombiningJudge

__all__ = ["Combined", "EnsembleJudge", "MixtureJudge", "WeightedJudge"]

#: For each prompt, a number for each response.
Scores = list[list[float]]


@dataclass(frozen=True)
class Combined:
    """What several judges say together.

    Args:
        scores: for each prompt, one number per response; NaN where a member has none.
        deviations: the population standard deviation over the members, on their common scale; None where no scale is
            common.
    """

    scores: Scores
    deviations: Scores | None = None


class MixtureJudge(CombiningJudge):
    """The base of judges that combine others.

    Args:
        members: the judges in memory; otherwise they are built from ``judges``.
        settings: the keys.

    Raises:
        ConfigurationError: there is no member, or one never scores.
    """

    judges: Annotated[list[dict[str, Any]], MinLen(1), "the members, each with its name and its keys"]
    over: Annotated[
        Literal["data", "prompt"],
        "what a member's rewards are normalised over: all that are judged together (a file), or those of one prompt",
    ] = "data"

    def __init__(self, members: Sequence[Judge] | None = None, **settings: Any) -> None:
        if members is not None:
            settings["judges"] = [{"name": member.id or type(member).__name__} for member in members]
        super().__init__(**settings)
        found = [unread_judge(each) for each in self.judges] if members is None else list(members)
        self.members = [each for each in found if each is not None]
        silent = len(self.members) < len(found) or not all(each.gives_scores for each in self.members)
        if not self.members or silent:
            raise ConfigurationError(
                f"The judge {self.id} combines scores, and one of its members gives none."
                if self.members
                else f"The judge {self.id} has no members.",
                where="judge.judges",
                fix="Name judges that score, each with its keys: judges: [{name: reward_model, model: FOLDER}, ...].",
            )
        self.reads_messages = all(each.reads_messages for each in self.members)

    def together(self, given: Sequence[Sequence[float]]) -> list[float]:
        """See `CombiningJudge.together`; with ``over=data``, the responses of this call are all the data."""
        return self.combine([[own] for own in given]).scores[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> Scores:
        """See `Judge.score_all`."""
        return self.combine([member.score_all(prompts, responses) for member in self.members]).scores

    def combine(self, members: Sequence[Sequence[Sequence[float]]]) -> Combined:
        """Combine the scores that the members gave.

        Args:
            members: for each member, for each prompt, one number per response.
        """
        sizes = [len(own) for own in members[0]]
        flat = torch.tensor([[value for own in member for value in own] for member in members], dtype=torch.float64)
        parts = [flat] if self.over == "data" else list(flat.split(sizes, dim=1))
        done = [self._combined(part) for part in parts]
        deviations = [each[1] for each in done]
        known = [each for each in deviations if each is not None]
        return Combined(
            _split(torch.cat([each[0] for each in done]) if done else torch.zeros(0), sizes),
            _split(torch.cat(known), sizes) if known and len(known) == len(deviations) else None,
        )

    def _combined(self, members: Tensor) -> tuple[Tensor, Tensor | None]:
        """[N] scores and deviations from [M, N] of the responses that are normalised together."""
        raise NotImplementedError(f"{type(self).__name__} does not implement _combined.")


class EnsembleJudge(MixtureJudge):
    """Several judges of the same thing: their mean, the worst, or the mean less k standard deviations.

    mean: mean_m z_m.   worst: min_m z_m.   uncertainty: mean_m z_m − k · std_m z_m

    z_m are the rewards of judge m less their mean, divided by their population standard deviation.

    Reference:
        Coste et al. (2023), Reward Model Ensembles Help Mitigate Overoptimization, arXiv:2310.02743.
    """

    id = "ensemble"
    formula = "mean, least, or mean less k standard deviations of the members' standardised rewards"
    span = "about −3 to 3, higher is better"
    advice = "A response that only one member likes has probably fooled it: use worst or uncertainty for optimisation."

    how: Annotated[Ensemble, "mean, worst, or uncertainty: the mean less k standard deviations"] = "mean"
    coefficient: Annotated[float, Ge(0), "k"] = 1.0
    normalise: Annotated[bool, "bring each judge's rewards to mean 0 and standard deviation 1 first"] = True

    def _combined(self, members: Tensor) -> tuple[Tensor, Tensor | None]:
        own = standardised(members) if self.normalise else members
        return ensemble(own, self.how, self.coefficient), spread(own)


class WeightedJudge(MixtureJudge):
    """A weighted sum of judges of different things.

    normalise_then_sum: Σ_m w_m z(r_m).   sum_then_normalise: z(Σ_m w_m r_m).   sum: Σ_m w_m r_m

    z(r) is r less its mean, divided by its population standard deviation. Normalising first lets the weights compare
    judges of different scales; normalising last keeps the scales.

    Raises:
        ConfigurationError: there is not one weight for each judge.
    """

    id = "weighted"
    formula = "Σ_m w_m z(r_m), z(Σ_m w_m r_m) or Σ_m w_m r_m"
    span = "any, higher is better; about −3 to 3 per unit of weight where rewards are normalised"
    advice = (
        "Weights compare standard deviations when rewards are normalised first; with sum the widest member decides."
    )

    weights: Annotated[list[float], "one weight for each judge; a negative one for what costs"]
    order: Annotated[Order, "normalise each judge's rewards and then sum, sum and then normalise, or only sum"] = (
        "normalise_then_sum"
    )

    def __init__(self, members: Sequence[Judge] | None = None, **settings: Any) -> None:
        super().__init__(members, **settings)
        if len(self.weights) != len(self.members):
            raise ConfigurationError(
                f"The judge weighted has {len(self.members)} judges and {len(self.weights)} weights.",
                where="judge.weights",
                fix="Give one weight for each judge, in their order.",
            )

    def _combined(self, members: Tensor) -> tuple[Tensor, Tensor | None]:
        return weighted(members, torch.tensor(self.weights, dtype=members.dtype), self.order), None


def _split(values: Tensor, sizes: Sequence[int]) -> Scores:
    return [part.tolist() for part in values.split(list(sizes))] if sizes else []
