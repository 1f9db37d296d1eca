"""`PolicyLLM`: the policy in training judges its own responses, by a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Gt

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.rewards.answerers import Answerer, Question
from penchant.rewards.asked.answerer import PolicyAnswerer
from penchant.rewards.llm import LLMJudge
from penchant.rewards.said import said_of

__all__ = ["AsksPolicy", "PolicyLLM"]


class _Nobody:
    """What is asked before there is a policy."""

    def to(self, device: Any) -> None:
        """Nothing to move."""

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """Refuse.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            "The judge has no policy to ask.",
            where="judge",
            fix="Use it in an online run; elsewhere name a model: judge={name: local_llm, model: FOLDER}.",
        )


class AsksPolicy(LLMJudge):
    """Base class: an LLM judge that asks the policy in training, and counts answers without a verdict."""

    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 64

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.asked: dict[str, tuple[int, int]] = {}

    def make_answerer(self) -> Answerer:
        """See `LLMJudge.make_answerer`: nobody, until there is a policy."""
        return _Nobody()

    def follow(self, scorer: Any, reference: Any, renderer: Any) -> None:
        """Ask this policy from now on."""
        self.answerer = PolicyAnswerer.by(self, scorer, renderer, skips=True)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `LLMJudge.score`."""
        bad, every = self.unreadable, self.read_answers
        found = super().score(prompt, responses)
        self.count_unread(prompt, self.unreadable - bad, self.read_answers - every)
        return found

    def count_unread(self, prompt: Text, bad: int, every: int) -> None:
        """Note for `facts` how many of the answers about a prompt held no verdict."""
        self.asked[said_of(prompt)] = (bad, every)

    def facts(self, prompt: Text) -> dict[str, float]:
        """The share of questions about this prompt whose answers held no verdict."""
        bad, every = self.asked.pop(said_of(prompt), (0, 0))
        return {"unreadable": bad / every} if every else {}


class PolicyLLM(AsksPolicy):
    """The policy itself as an LLM judge: it answers a question about its own responses, with the weights that sampled.

    All of the judge ``local_llm``: ``role=rubric`` (or ``pointwise``) with a score that is read from the text, several
    ``samples`` of which unreadable ones are left out and counted, or ``by=probabilities``, the probability of Yes
    against No. The metric ``unreadable`` is the share of a round's questions without a verdict. A question that does
    not fit into the context has none.

    Reference:
        Yuan et al. (2024), Self-Rewarding Language Models, arXiv:2401.10020, section 2.
    """

    id = "policy_llm"
    formula = "the rating, the weighted mean of a rubric, or the log-odds of Yes"
    span = "lowest to highest; 0 to 1; any log-odds: higher is better"
    advice = (
        "The policy praises what it writes: compare with another judge now and then, and read sampled/unreadable first."
    )
