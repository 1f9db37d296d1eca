"""`Sampler`, the base class of samplers, which say how the policy's responses to a prompt come about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from penchant.feedback.records import Record
from penchant.generation.engines import Engine
from penchant.generation.responses import Response, Sampling
from penchant.named import Named
from penchant.online.asking import Asking, Prompt
from penchant.online.trees import Tree
from penchant.registry import Registry
from penchant.rewards.judge import Judge

__all__ = ["SAMPLERS", "Drawn", "Means", "Sampler"]

#: All samplers by name.
SAMPLERS: Registry[type[Sampler]] = Registry("sampler", "penchant.online.samplers", group="penchant.samplers")


@dataclass(frozen=True)
class Drawn:
    """What a sampler found for one prompt.

    Args:
        responses: the responses, in order.
        tree: of which they are the leaves or a selection; None for responses of their own.
        scores: of the responses, where the sampler judged them itself; None leaves that to the judge.
        facts: numbers for the metrics of a round, which are averaged over its prompts.
        prompt_ids: the tokens that the responses answer, where these are not the record's prompt; None where they are.
        written_by: who wrote each response; empty if the policy wrote all.
    """

    responses: tuple[Response, ...]
    tree: Tree | None = None
    scores: tuple[float, ...] | None = None
    facts: dict[str, float] = field(default_factory=dict)
    prompt_ids: tuple[int, ...] | None = None
    written_by: tuple[str, ...] = ()


@dataclass
class Means:
    """What a sampler works with.

    Args:
        engine: generates text.
        judge: scores responses, or None.
        asking: what the policy reads.
        policy: the model in training.
        roll_in: share of the samples that begin with tokens of the record's own response.
        traced: whether the log-probabilities under which responses were drawn are needed.
        scorer: computes the policy's likelihoods.
        reference: finds the checkpoints that a sampler reads.
        finished: number of finished rounds.
    """

    engine: Engine
    judge: Judge | None = None
    asking: Asking = field(default_factory=Prompt)
    policy: Any = None
    roll_in: float = 0.0
    traced: bool = False
    scorer: Any = None
    reference: Any = None
    finished: int = 0


class Sampler(Named, ABC):
    """Draws the policy's responses to prompts; a subclass implements ``draw``.

    A subclass with an ``id`` is registered under it, and its annotated fields are the keys of the recipe's ``sampler``.
    The same weights and the same seed give the same responses, so a round that was killed is sampled again as it was.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "sampler"
    registry = SAMPLERS
    #: Whether it gives a tree beside the responses.
    grows: ClassVar[bool] = False
    #: Whether it asks the judge itself, and whether it needs one.
    judged: ClassVar[bool] = False
    #: Whether responses are drawn from the policy's own distribution, token by token.
    draws: ClassVar[bool] = True
    #: Whether it can say under which log-probabilities responses of another distribution were drawn.
    traces: ClassVar[bool] = False
    #: Whether it draws several continuations of one beginning, which must be able to differ.
    varies: ClassVar[bool] = False
    #: Whether it needs a given response for each prompt.
    demonstrated: ClassVar[bool] = False
    #: Whether a text is written after something else than the prompt and what stands above it in its tree, so that only
    #: its pieces, each with what its writer read, can be trained on.
    own_contexts: ClassVar[bool] = False

    @property
    def texts(self) -> int | None:
        """Texts of the policy that make a response at most, such as turns; 0 for none, None where a search decides."""
        return 1 if self.draws else None if self.grows else 0

    def kept_tokens(self, prompt: int, new: int) -> int:
        """Tokens whose keys and values are kept for a response while it comes about, at most.

        Args:
            prompt: tokens of its prompt.
            new: most tokens of a text.
        """
        return prompt + new * (1 if self.texts is None else self.texts)

    @property
    def faithful(self) -> bool:
        """Whether responses are drawn from the distribution that is trained, the policy's after the same tokens."""
        return self.draws

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints of the run whose likelihoods it reads."""
        return ()

    @property
    def other(self) -> Any:
        """A model of its own that writes beside the policy; None without."""
        return None

    def check(self, means: Means, records: Sequence[Record]) -> None:
        """Refuse an engine or records that it cannot work with, before the first round.

        Args:
            means: what it works with, without the policy.
            records: the prompts.

        Raises:
            ConfigurationError: the engine cannot do what it needs.
            DataError: a record lacks what it needs.
        """

    def select(self, records: Sequence[Record], difficulty: Callable[[Sequence[Record]], list[float]]) -> list[Record]:
        """The prompts of a round that are sampled; all by default.

        Args:
            records: the prompts of the round.
            difficulty: gives the perplexity of each record's own response under the policy.
        """
        return list(records)

    def as_judged(self, record: Record) -> Record:
        """A record as the judge reads it; by default as it is.

        Args:
            record: a prompt.
        """
        return record

    @abstractmethod
    def draw(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        """What was found for each prompt, in order.

        Args:
            records: the prompts.
            means: what it works with.
            sampling: number of responses, and how to sample.
            seed: of all its random numbers.
        """

    def heldout(self, records: Sequence[Record], means: Means, sampling: Sampling, *, seed: int) -> list[Drawn]:
        """What the policy answers to held-out prompts; by default plain samples, which a search does not improve.

        Args:
            records: the prompts.
            means: what it works with.
            sampling: number of responses, and how to sample.
            seed: of all its random numbers.
        """
        found = means.engine.sample([each.prompt for each in records], sampling, seed=seed)
        return [Drawn(tuple(each)) for each in found]
