"""Simulators: what happens after a response, turn by turn, for a judge that looks later."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text
from penchant.named import Named
from penchant.python_path import load_from
from penchant.registry import Registry
from penchant.rewards.answerers import Answerer, Question
from penchant.rewards.asked.answerer import PolicyAnswerer
from penchant.rewards.judge_prompts import as_script
from penchant.rewards.local_answerer import LocalAnswerer
from penchant.rewards.said import said_of

__all__ = ["SIMULATORS", "FunctionSimulator", "ModelSimulator", "NoSimulator", "PolicySimulator", "Simulator"]

#: All simulators by name.
SIMULATORS: Registry[type[Simulator]] = Registry("simulator")

INSTRUCTION = (
    "Below are a user's request and an answer to it. What happens next, once the user has acted on the answer? Write "
    "one short turn."
)


class Simulator(Named, ABC):
    """Says what follows a response; a subclass implements ``further``.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "simulator"
    registry = SIMULATORS
    #: Whether anything follows at all.
    present: ClassVar[bool] = True

    def read(self, records: Iterable[Record]) -> None:
        """Read what it needs from the records; called once, before any model is loaded."""

    def follow(self, scorer: Any, renderer: Any) -> None:
        """Get to know the policy of an online run."""

    def to(self, device: Any) -> None:
        """Move a model, if it has one, to a device."""

    @abstractmethod
    def further(self, prompt: Text, responses: Sequence[str], turns: int) -> list[list[str]]:
        """The turns after each of K responses to a prompt, at most ``turns`` each; the same at every call."""


class NoSimulator(Simulator):
    """Nothing follows."""

    id = "none"
    present = False

    def further(self, prompt: Text, responses: Sequence[str], turns: int) -> list[list[str]]:
        """No turns."""
        return [[] for _each in responses]


class FunctionSimulator(Simulator):
    """A world of one's own: a function ``follows(prompt, response, record)`` that returns the further turns as texts.

    ``record`` holds the fields of the prompt's record, such as hidden facts; of more turns than asked for the first
    count.

    Args:
        settings: ``path``, as for the judge ``function``.

    Raises:
        ConfigurationError: the place may not be named, cannot be loaded, or holds no function.
    """

    id = "function"

    path: Annotated[str, "place of follows(prompt, response, record), as for the judge function: world.py:follows"]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.follows = load_from(self.path, "judge")
        if not callable(self.follows) or isinstance(self.follows, type):
            raise ConfigurationError(
                f"{self.path!r} is a {type(self.follows).__name__}, not a function.",
                where="judge.simulator",
                fix="Write a function follows(prompt, response, record) that returns a list of texts.",
            )
        self.fields: dict[str, dict[str, Any]] = {}

    def read(self, records: Iterable[Record]) -> None:
        """Read the fields of each prompt's record."""
        for record in records:
            self.fields[said_of(record.prompt)] = record.fields

    def further(self, prompt: Text, responses: Sequence[str], turns: int) -> list[list[str]]:
        """See `Simulator.further`.

        Raises:
            ConfigurationError: the function fails, or returns something else than a list of texts.
        """
        record = self.fields.get(said_of(prompt), {})
        return [self._turns(prompt, each, record)[:turns] for each in responses]

    def _turns(self, prompt: Text, response: str, record: dict[str, Any]) -> list[str]:
        try:
            given = self.follows(prompt, response, record)
        except Exception as error:
            raise self._wrong(f"raised {type(error).__name__}: {error}", response) from error
        if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
            raise self._wrong(f"returned {str(given)[:60]!r}", response)
        return list(given)

    def _wrong(self, what: str, response: str) -> ConfigurationError:
        return ConfigurationError(
            f"The simulator {self.path!r} {what}, for the response {response[:60]!r}.",
            where="judge.simulator",
            fix="Return a list of texts, one for each further turn; an empty one where nothing follows.",
        )


class _Written(Simulator):
    """Base class: a language model writes one turn after the other."""

    instruction: Annotated[str, "what the model is asked for, before request, answer and the turns so far"] = (
        INSTRUCTION
    )
    max_new_tokens: Annotated[int, Gt(0), "maximum tokens of a turn"] = 64
    temperature: Annotated[float, Ge(0), "sampling temperature; 0 is greedy"] = 0.0

    answerer: Answerer | None = None

    def further(self, prompt: Text, responses: Sequence[str], turns: int) -> list[list[str]]:
        """See `Simulator.further`.

        Raises:
            ConfigurationError: there is no model to ask.
        """
        if self.answerer is None:
            raise ConfigurationError(
                f"The simulator {self.id!r} has no policy to ask.",
                where="judge.simulator",
                fix="Use it in an online run; elsewhere name a model: simulator: {name: model, model: FOLDER}.",
            )
        found: list[list[str]] = [[] for _each in responses]
        for _turn in range(turns):
            asked = [self._question(prompt, each, own) for each, own in zip(responses, found, strict=True)]
            for own, answer in zip(found, self.answerer.ask(asked), strict=True):
                own.append(answer.text.strip())
        return found

    def _question(self, prompt: Text, response: str, before: Sequence[str]) -> Question:
        parts = [self.instruction, f"Request: {as_script(prompt)}", f"Answer: {response}", *before]
        return Question([{"role": "user", "content": "\n\n".join(parts)}])


class ModelSimulator(_Written):
    """A language model says what happens next."""

    id = "model"

    model: Annotated[str, "folder or hub id of a causal language model"]
    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 16

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.answerer = LocalAnswerer(
            self.model,
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            batch_size=self.batch_size,
        )

        self.network = self.answerer.network

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)


class PolicySimulator(_Written):
    """The policy in training says what happens next: its own model of the world."""

    id = "policy"

    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 64

    def follow(self, scorer: Any, renderer: Any) -> None:
        """Ask this policy from now on."""
        self.answerer = PolicyAnswerer.by(self, scorer, renderer)
