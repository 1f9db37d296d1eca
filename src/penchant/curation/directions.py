"""The builder ``directions``: prompts with a direction of preference in their system turn."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import Annotated

from annotated_types import Ge, Interval

from penchant.curation.builder import Builder
from penchant.curation.rows import Built
from penchant.errors import ConfigurationError
from penchant.feedback.records import Record, Text
from penchant.feedback.tools import template_columns

__all__ = ["Directions", "conditioned", "draw_direction"]

# The system prompt of the published models.
_SYSTEM = "You are a helpful assistant. Your response should maximize weighted rating = {weights}."


def draw_direction(size: int, degrees: float, rng: random.Random) -> list[float]:
    """A unit vector whose angle to the first axis is uniform below a bound; its side is uniform.

    v = cos θ e₁ + sin θ u,   θ uniform in [0, degrees], u a uniform unit vector of the other axes

    Args:
        size: K, number of attributes; [1] for one.
        degrees: largest angle θ.
        rng: random source.

    Example:
        >>> v = draw_direction(3, 45.0, random.Random(0))
        >>> round(sum(each * each for each in v), 9), v[0] >= math.cos(math.radians(45))
        (1.0, True)
    """
    if size == 1:
        return [1.0]
    angle = math.radians(rng.uniform(0.0, degrees))
    side = [rng.gauss(0.0, 1.0) for _axis in range(size - 1)]
    length = math.hypot(*side)
    return [math.cos(angle), *(math.sin(angle) * each / length for each in side)]


def conditioned(prompt: Text, attributes: Sequence[str], direction: Sequence[float], *, as_text: bool = False) -> Text:
    """A prompt whose system turn states a direction, as whole numbers round(100 v_k).

    Args:
        prompt: a text or messages; an existing system turn is kept and gets another paragraph.
        attributes: the names of the K attributes.
        direction: K numbers.
        as_text: a prompt that is a text stays one, behind a paragraph, for models without a chat template.

    Example:
        >>> conditioned("Hi", ["helpfulness", "verbosity"], [0.8, -0.6])[0]["content"]
        'You are a helpful assistant. Your response should maximize weighted rating = helpfulness*80 + verbosity*-60.'
    """
    weights = " + ".join(f"{name}*{round(100 * own)}" for name, own in zip(attributes, direction, strict=True))
    said = _SYSTEM.format(weights=weights)
    if isinstance(prompt, str) and as_text:
        return f"{said}\n\n{prompt}"
    turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(turn) for turn in prompt]
    if turns[0].get("role") == "system":
        turns[0]["content"] = f"{turns[0].get('content') or ''}\n\n{said}"
        return turns
    return [{"role": "system", "content": said}, *turns]


class Directions(Builder):
    """Prompts with a direction of preference in their system turn, to sample and train a policy that follows it.

    A direction is a unit vector of weights of K attributes, within some degrees of the first one. The field
    ``direction`` holds it, and ``original_prompt`` the prompt as it was, which reward models read. With ``fixed`` every
    prompt has the same direction, as a user would state it. Next: sample several responses to each prompt with
    ``penchant generate -n 8``, and run ``penchant data build best-along-direction`` on the file.

    Example:
        >>> from penchant.feedback import read
        >>> row = Directions(fixed="3,4").build(read([{"prompt": "Hi"}])).rows[0]
        >>> row["direction"], row["original_prompt"]
        ([0.6, 0.8], 'Hi')

    Reference:
        Wang et al. (2024), Arithmetic Control of LLMs for Diverse User Preferences: Directional Preference Alignment
        with Multi-Objective Rewards, arXiv:2402.18571.
    """

    id = "directions"
    reads = "any records; their prompts are used, each once"
    writes = ("prompt", "direction", "original_prompt")

    attributes: Annotated[str, "names of the attributes, with commas between them"] = "helpfulness,verbosity"
    degrees: Annotated[float, Interval(ge=0, le=90), "largest angle to the first attribute"] = 45.0
    per_prompt: Annotated[int, Ge(1), "directions of each prompt"] = 1
    fixed: Annotated[str, "one direction for all prompts, numbers with commas between them; drawn if absent"] = ""
    as_text: Annotated[bool, "put the direction before prompts that are texts, instead of into a system turn"] = False
    seed: Annotated[int, "seed of the directions"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """The prompts with their directions."""
        names = [each.strip() for each in self.attributes.split(",")]
        fixed = self._fixed(len(names))
        built, seen = Built([]), set[str]()
        for record in records:
            built.count("records read")
            key = repr(record.prompt)
            if key in seen:
                built.count("left out: the same prompt again")
                continue
            seen.add(key)
            # The directions of a prompt do not depend on what else is in the file.
            rng = random.Random(f"{self.seed} {key}")
            for _time in range(1 if fixed else self.per_prompt):
                direction = fixed or draw_direction(len(names), self.degrees, rng)
                built.rows.append(
                    {
                        "prompt": conditioned(record.prompt, names, direction, as_text=self.as_text),
                        "direction": direction,
                        "original_prompt": record.prompt,
                        **record.fields,
                        **template_columns(record),
                    }
                )
                built.count("prompts with a direction")
        return built

    def _fixed(self, count: int) -> list[float]:
        if not self.fixed:
            return []
        try:
            given = [float(each) for each in self.fixed.split(",")]
        except ValueError:
            given = []
        length = math.hypot(*given)
        if len(given) != count or not 0 < length < math.inf:
            raise ConfigurationError(
                f"fixed is {self.fixed!r}, expected {count} numbers with commas between them, not all 0.",
                where="builder directions",
                fix=f"Give one number for each of {self.attributes}.",
            )
        return [each / length for each in given]
