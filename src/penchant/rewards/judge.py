"""`Judge`, the base class of judges, which score or compare responses to a prompt, and `NoJudge`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from penchant.feedback.records import Record, Text
from penchant.named import Named
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rewards.registry import JUDGES

if TYPE_CHECKING:
    from penchant.generation.responses import Response

__all__ = ["Judge", "NoJudge"]


class Judge(Named):
    """Scores responses; a subclass implements ``score``.

    A subclass with an ``id`` is registered under it, and its annotated fields are the keys of the recipe's ``judge``. A
    judge whose scores are not Bradley-Terry logits, or that only compares, also overrides ``compare``.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "judge"
    registry = JUDGES
    #: What a score is, in one line.
    formula: ClassVar[str] = ""
    #: The range of a score, and which direction is better.
    span: ClassVar[str] = ""
    #: How to read its scores.
    advice: ClassVar[str] = ""
    #: Whether scores are 1 (right) or 0 (wrong), so that their mean is an accuracy.
    verifies: bool = False
    #: Whether the judge never scores.
    silent: ClassVar[bool] = False
    #: Whether it reads responses of several messages, not texts alone.
    reads_messages: bool = False
    #: Whether the judge gives scores; one that only compares says False.
    gives_scores: bool = True
    #: Whether a score follows from the response alone, so that scoring costs no comparisons.
    scores_alone: bool = True
    #: Whether its answers depend on what it was asked before, so that one of several processes must ask all.
    remembers: ClassVar[bool] = False

    def read(self, records: Iterable[Record]) -> None:
        """Read what scoring needs from the records, such as reference answers.

        Args:
            records: training and held-out records; `read` is called once, before any model is loaded.

        Raises:
            DataError: a record lacks a required field.
        """

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints of an online run whose likelihoods it reads."""
        return ()

    def follow(self, scorer: Any, reference: Any, renderer: Any) -> None:
        """Get to know the policy of an online run; most judges do not need it.

        Args:
            scorer: the policy.
            reference: finds its checkpoints.
            renderer: turns texts into tokens, as in training.
        """

    @property
    def measuring(self) -> Judge:
        """The judge of held-out responses: itself, unless its scores follow from what was sampled before."""
        return self

    def remember(self, prompt: Text, responses: Sequence[str]) -> None:
        """Take note of the responses to a prompt, when their round has been judged; most judges do not need it.

        Args:
            prompt: a text or messages.
            responses: K texts.
        """

    def state_dict(self) -> dict[str, Any]:
        """What it has taken note of, in lists, texts and numbers; an online run keeps it with its states."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Args:
            state: empty for the beginning of a run.
        """

    def facts(self, prompt: Text) -> dict[str, float]:
        """Numbers of the judgements of a prompt since the last call, for the metrics of a round; most have none.

        Args:
            prompt: a text or messages.
        """
        return {}

    def score_earlier(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The scores that the judge would have given a round ago; those of now, if it does not change."""
        return self.score(prompt, responses)

    def to(self, device: Any) -> None:
        """Move the judge's model, if it has one, to a device."""

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """Score each response.

        Args:
            prompt: a text or messages.
            responses: K texts.

        Returns:
            K numbers, higher is better; NaN if a response cannot be scored.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement score.")

    def sampled(self, record: Record, responses: Sequence[Response]) -> tuple[list[float], dict[str, list[float]]]:
        """Score responses that were sampled, of which tokens and ending are known too.

        Args:
            record: the prompt's record, with its fields.
            responses: K responses.

        Returns:
            What `score` gives, and the scores of the judge's parts by name, if it has parts.
        """
        return self.score(record.prompt, [each.text for each in responses]), {}

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """The probability that response i is preferred to response j, for every pair.

        P_ij = σ(s_i − s_j)

        Args:
            prompt: a text or messages.
            responses: K texts.

        Returns:
            [K, K] in [0, 1].
        """
        return bradley_terry(torch.tensor(self.score(prompt, responses), dtype=torch.float64))

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """Score the responses to several prompts, which a judge with a model does together.

        Args:
            prompts: P texts or conversations.
            responses: for each prompt, K texts; K may differ.

        Returns:
            For each prompt what `score` gives.
        """
        return [self.score(*each) for each in zip(prompts, responses, strict=True)]

    def compare_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """The preference probabilities [K, K] for each of several prompts; arguments as for `score_all`."""
        if type(self).compare is not Judge.compare:
            return [self.compare(*each) for each in zip(prompts, responses, strict=True)]
        scores = self.score_all(prompts, responses)
        return [bradley_terry(torch.tensor(each, dtype=torch.float64)) for each in scores]

    def identity(self) -> str | None:
        """What the judgements follow from besides prompt and response: settings, and the fingerprint of the weights.

        Returns:
            A text, equal for judges that judge alike; None if judgements are not to be kept on disk, because they are
            cheap, stored elsewhere, or follow from something that cannot be named.
        """
        return None

    def context(self, prompt: Text) -> str:
        """What a judgement of this prompt follows from besides, such as the tests that `read` found for it."""
        return ""


class NoJudge(Judge):
    """The judge for pairings that need no reward, such as ``demonstration``; it never scores."""

    id = "none"
    silent = True

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """NaN for every response."""
        return [math.nan] * len(responses)
