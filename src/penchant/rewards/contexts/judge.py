"""`InContexts`: a judge that is asked in several contexts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
from annotated_types import MinLen
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text
from penchant.rewards.contexts.given import in_context
from penchant.rewards.judge import Judge
from penchant.rewards.registry import unread_judge
from penchant.rewards.wrapped.members import JudgeOfJudges

__all__ = ["InContexts"]


class InContexts(JudgeOfJudges):
    """A judge asked once in each of several contexts, which count with their probabilities.

    P(a ≻ b | x) = Σ_z P(z) P(a ≻ b | x, z). The score of a response is its Borda count under these probabilities: the
    mean probability that it is preferred to one of the others, ½ where it stands alone. The member should have been
    trained on prompts with their contexts (``penchant data build contexts``).

    Args:
        member: the judge in memory; otherwise it is built from ``judge``.
        settings: the keys.

    Raises:
        ConfigurationError: there is no judge, or weights are not one number at least 0 for each context.

    Example:
        >>> from penchant.rewards.functions import FunctionJudge
        >>> def short(prompt, response):
        ...     return -100.0 * len(response) if "short" in prompt else 100.0 * len(response)
        >>> judge = InContexts(FunctionJudge(short), contexts=["short", "long"], weights=[3.0, 1.0])
        >>> judge.score("Tea?", ["Yes.", "Certainly."])
        [0.75, 0.25]

    Reference:
        Pitis, Xiao, Le Roux, Sordoni (2024), Improving Context-Aware Preference Modeling for Language Models,
        arXiv:2407.14916.
    """

    id = "in_contexts"
    formula = "mean over the other responses of Σ_z P(z) P(i beats j | x, z)"
    span = "0 to 1, higher is better; ½ alone"
    advice = "It says what the mixture of contexts prefers; where contexts disagree, look at them one by one."
    scores_alone = False

    judge: Annotated[dict[str, Any], "the judge that is asked, with its name and its keys"]
    contexts: Annotated[list[str], MinLen(1), "the contexts, texts"]
    weights: Annotated[list[float] | None, "how probable each context is, up to a factor; equal if absent"] = None

    def __init__(self, member: Judge | None = None, **settings: Any) -> None:
        if member is not None:
            settings["judge"] = {"name": member.id or type(member).__name__}
        super().__init__(**settings)
        built = unread_judge(self.judge, "judge.judge") if member is None else member
        if built is None:
            raise ConfigurationError("The judge 'none' judges nothing.", where="judge.judge")
        self.members = [built]
        given = [1.0] * len(self.contexts) if self.weights is None else self.weights
        if len(given) != len(self.contexts) or min(given) < 0 or not sum(given) > 0:
            raise ConfigurationError(
                f"The weights {given} are not one number of at least 0 for each of {len(self.contexts)} contexts, "
                "some above 0.",
                where="judge.weights",
            )
        self.shares = [each / sum(given) for each in given]

    def read(self, records: Iterable[Record]) -> None:
        """See `Judge.read`; the member reads each record once in each context, as it will be asked."""
        several = list(records)
        self.members[0].read(
            [replace(each, prompt=in_context(each.prompt, context)) for context in self.contexts for each in several]
        )

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`: the mean over the contexts."""
        return self.compare_all([prompt], [responses])[0]

    def compare_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """See `Judge.compare_all`."""
        found = [torch.zeros(len(own), len(own), dtype=torch.float64) for own in responses]
        for context, share in zip(self.contexts, self.shares, strict=True):
            tables = self.members[0].compare_all([in_context(each, context) for each in prompts], responses)
            found = [total + share * table.double() for total, table in zip(found, tables, strict=True)]
        return found

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`: the Borda counts, in [0, 1]."""
        return self.score_all([prompt], [responses])[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `Judge.score_all`."""
        return [_counts(table) for table in self.compare_all(prompts, responses)]


def _counts(table: Tensor) -> list[float]:
    """The mean of each row without the diagonal."""
    size = len(table)
    if size == 1:
        return [0.5]
    others: list[float] = ((table.sum(dim=1) - table.diagonal()) / (size - 1)).tolist()
    return others
