"""Robust preference selection (RPS): the best of responses to several directions near the wanted one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text
from penchant.generation.responses import Response
from penchant.inference.choice import Choice, Picked, Sample
from penchant.inference.directions import neighbours, unit
from penchant.inference.judging import finite_scores
from penchant.inference.selection import best
from penchant.rewards.judge import Judge

__all__ = ["RobustSelection"]


class RobustSelection(Choice):
    """Robust preference selection by directional neighbourhood consensus (RPS), for a policy that reads a direction.

    1. k directions within θ of the wanted one, v*. 2. One response to each, with the direction in the prompt. 3. The
    response with the largest v*ᵀ r(x, y): always v*, not the direction that it was sampled with. θ = 0 is best-of-k.

    Args:
        judges: one per weight of the direction, in its order; their scores should be on one scale.
        settings: the keys below.

    Reference:
        Robust Preference Selection (2025), arXiv:2510.20498.
    """

    id = "rps"

    direction: Annotated[list[float], "the wanted direction v*: a weight for each judge"]
    names: Annotated[list[str] | None, "what the weights are of, for the default text"] = None
    text: Annotated[
        str | None,
        "states the direction to the policy, {0}, {1}, ... are its weights; before a text prompt, or as system message",
    ] = None
    directions: Annotated[int, Gt(0), "number k of directions"] = 5
    angle: Annotated[float, Ge(0), Lt(90), "largest angle θ to the wanted direction, degrees"] = 30.0
    spread: Annotated[Literal["random", "even"], "how directions are chosen; even for two weights"] = "random"
    with_target: Annotated[bool, "the wanted direction is one of them"] = False

    def __init__(self, judges: Sequence[Judge] = (), **settings: Any) -> None:
        super().__init__(judges, **settings)
        self.target = unit(self.direction)
        count = len(self.target)
        if len(self.judges) != count:
            raise ConfigurationError(
                f"The direction has {count} weights, and {len(self.judges)} judges are given.",
                where="choice.direction",
                fix="Give one judge per weight, in the same order: judges=[{name: ...}, {name: ...}].",
            )
        if self.names is not None and len(self.names) != count:
            raise ConfigurationError(f"There are {len(self.names)} names for {count} weights.", where="choice.names")
        if self.names is None and self.text is None:
            raise ConfigurationError(
                "It is not known how the policy is told its direction.",
                where="choice.text",
                fix="Give choice.names=[helpfulness, brevity], or the text that it was trained with: "
                "choice.text='Weigh helpfulness {0} and brevity {1}.'.",
            )
        self._stated(self.target)

    def _stated(self, weights: Sequence[float]) -> str:
        rounded = [f"{each:.2f}" for each in weights]
        if self.text is None:
            parts = ", ".join(f"{name} {each}" for name, each in zip(self.names or (), rounded, strict=True))
            return f"Weights of what your response is rated for: {parts}."
        try:
            return self.text.format(*rounded)
        except (IndexError, KeyError, ValueError) as error:
            raise ConfigurationError(
                f"The text {self.text!r} cannot be filled with {len(rounded)} weights ({error}).",
                where="choice.text",
                fix="Write {0}, {1}, ... for the weights, and {{ for a brace.",
            ) from None

    def asked(self, prompt: Text, weights: Sequence[float]) -> Text:
        """The prompt that states a direction: as system message, or as text before a text."""
        stated = self._stated(weights)
        if isinstance(prompt, str):
            return f"{stated}\n\n{prompt}"
        turns = list(prompt)
        if turns and turns[0].get("role") == "system":
            return [{**turns[0], "content": f"{turns[0]['content']}\n\n{stated}"}, *turns[1:]]
        return [{"role": "system", "content": stated}, *turns]

    def drawn(self, seed: int) -> list[list[float]]:
        """The directions of one prompt."""
        options = {"even": self.spread == "even", "with_target": self.with_target, "seed": seed}
        return neighbours(self.target, self.directions, self.angle, **options)  # type: ignore[arg-type]

    def respond(self, records: Sequence[Record], sample: Sample, count: int, seed: int) -> list[Picked]:
        """See `Choice.respond`; ``count`` responses for each direction."""
        drawn = [self.drawn(seed + place) for place in range(len(records))]
        asked = [self.asked(each.prompt, one) for each, several in zip(records, drawn, strict=True) for one in several]
        given, found = sample(asked, count, seed), []
        for place, (record, several) in enumerate(zip(records, drawn, strict=True)):
            own = given[place * self.directions : (place + 1) * self.directions]
            picked = self.pick(record, [each for one in own for each in one], seed + place)
            facts = {"directions": [[round(each, 4) for each in one] for one in several]}
            found.append(Picked(picked.response, picked.place, picked.samples, picked.scores, facts))
        return found

    def pick(self, record: Record, samples: Sequence[Response], seed: int) -> Picked:
        """The response with the largest v*ᵀ r."""
        texts = [each.text for each in samples]
        rewards = [finite_scores(judge, record, texts) for judge in self.judges]
        scores = [
            sum(weight * each for weight, each in zip(self.target, column, strict=True) if weight)
            for column in zip(*rewards, strict=True)
        ]
        place = best(scores)
        return Picked(samples[place], place, samples, scores)
