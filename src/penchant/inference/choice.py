"""`Choice`, the base of rules that make one response of several samples, and the registry of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text
from penchant.generation.responses import Response
from penchant.named import Named, build_named
from penchant.registry import Registry
from penchant.rewards.judge import Judge

__all__ = ["CHOICES", "Choice", "Picked", "build_choice"]

#: All choices by name.
CHOICES: Registry[type[Choice]] = Registry("choice", "penchant.inference", group="penchant.choices")

#: From prompts, a number of responses each and a seed to the responses.
Sample = Callable[[Sequence[Text], int, int], list[list[Response]]]


@dataclass(frozen=True)
class Picked:
    """What was chosen for one prompt.

    Args:
        response: the chosen response; None if no sample can be chosen.
        place: its place among the samples.
        samples: all of them.
        scores: what the rule compared, one number per sample; empty if it scores none.
        facts: what else the rule reports, by name.
    """

    response: Response | None
    place: int | None
    samples: Sequence[Response]
    scores: Sequence[float] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Choice(Named, ABC):
    """Makes one response of several samples; a subclass with an ``id`` is registered under it.

    Args:
        judges: score responses; as many as the rule needs.
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: the rule needs a judge and none is given, or a setting is wrong.
    """

    kind = "choice"
    registry = CHOICES
    #: Judges that the rule needs: the least and, if there is one, the largest number.
    takes: ClassVar[tuple[int, int | None]] = (1, None)

    def __init__(self, judges: Sequence[Judge] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self.judges = list(judges)
        least, most = self.takes
        if len(self.judges) < least:
            raise ConfigurationError(
                f"The choice {self.id} needs {'a judge' if least == 1 else f'{least} judges'}, and "
                f"{len(self.judges) or 'none'} {'is' if len(self.judges) < 2 else 'are'} given.",
                where="judge",
                fix="Name one (`penchant list judges`): --judge reward_model,model=FOLDER, for example.",
            )
        if most is not None and len(self.judges) > most:
            raise ConfigurationError(
                f"The choice {self.id} uses {most or 'no'} judge{'s' * (most != 1)}, and {len(self.judges)} are given.",
                where="judge",
            )

    def respond(self, records: Sequence[Record], sample: Sample, count: int, seed: int) -> list[Picked]:
        """Sample responses to the prompts of records, and choose one for each.

        Args:
            records: hold the prompts.
            sample: samples responses.
            count: responses per prompt.
            seed: of the sampling, and of draws of the rule.
        """
        given = sample([each.prompt for each in records], count, seed)
        return [
            self.pick(record, several, seed + place)
            for place, (record, several) in enumerate(zip(records, given, strict=True))
        ]

    @abstractmethod
    def pick(self, record: Record, samples: Sequence[Response], seed: int) -> Picked:
        """Choose among the samples of one prompt.

        Args:
            record: holds the prompt, and what judges need of it.
            samples: at least one.
            seed: of draws.
        """


def build_choice(part: Mapping[str, Any], judges: Sequence[Judge] = ()) -> Choice:
    """The choice that a part of a recipe selects.

    Args:
        part: ``name`` and settings, such as ``{"name": "best-of-n", "rule": "soft"}``.
        judges: those that it uses.

    Raises:
        ConfigurationError: there is no such choice or key, or a judge is missing.
    """
    return build_named(CHOICES, part, "choice", judges)
