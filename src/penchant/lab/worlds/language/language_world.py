"""LanguageWorld: product reviews with configurable rewards, annotators and label errors."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from penchant.errors import ConfigurationError
from penchant.lab.pretrained import Pretraining, TextWorld
from penchant.lab.worlds.language.annotators import Annotator, check_weights
from penchant.lab.worlds.language.attributes import ATTRIBUTES, length_of, measure
from penchant.lab.worlds.language.courtesies import add_courtesy, courtesy_words
from penchant.lab.worlds.language.reviews import Prompt, write_prompt, write_review
from penchant.lab.worlds.language.tokenizer import build_tokenizer
from penchant.lab.worlds.language.world import preference_probability
from penchant.lab.worlds.language.world import prompts as different_prompts

__all__ = ["LanguageWorld"]


@dataclass(frozen=True)
class LanguageWorld(TextWorld):
    """Product reviews with a known reward, and annotators who label pairs of them.

    P(first is called better) = (1 − ε) σ(scale (u(first) − u(second)) + bias (|first| − |second|)) + ε (1 − the same)

    u = Σ weight · attribute, with the weights of the annotator group; |y| in tokens; ε is the flip rate of the group.

    Args:
        weights: reward per unit of each attribute (``sentiment`` in [-1, 1], ``helpful`` and ``short`` in [0, 1],
            ``polite`` in [-1, 1]); not used if there are ``annotators``.
        annotators: groups with different preferences; the reward is then the mean over them, weighted by their shares.
        scale: inverse temperature of the labels, per unit of reward, > 0.
        length_bias: logit per extra token in favour of the longer response; affects labels only, not the reward.
        flips: rate of flipped labels, in [0, 0.5].
        courtesy: share of the reviews with a polite or rude phrase, in [0, 1].
        pretraining: training settings of the base model.

    Raises:
        ConfigurationError: a setting is out of range.

    Example:
        >>> world = LanguageWorld(length_bias=0.1)
        >>> sorted(world.pairs(1)[0])
        ['annotator', 'chosen', 'chosen_score', 'flipped', 'probability', 'prompt', 'rejected', 'rejected_score']
        >>> round(world.reward("review of the kettle:", "it is great."), 2)
        0.53
    """

    id: ClassVar[str] = "language"
    made_by: ClassVar[tuple[str, ...]] = ("penchant.lab.worlds.language",)
    base_dials: ClassVar[tuple[str, ...]] = ("courtesy",)

    weights: Mapping[str, float] = field(default_factory=lambda: {"sentiment": 1.0})
    annotators: Sequence[Annotator] = ()
    scale: float = 6.0
    length_bias: float = 0.0
    flips: float = 0.0
    courtesy: float = 0.5
    pretraining: Pretraining = Pretraining(4000, epochs=3, batch_size=16, learning_rate=5e-3, width=96)

    def __post_init__(self) -> None:
        check_weights(self.weights, "weights")
        wrong = [
            f"{name} = {value}"
            for name, value, right in (
                ("scale", self.scale, self.scale > 0),
                ("flips", self.flips, 0 <= self.flips <= 0.5),
                ("courtesy", self.courtesy, 0 <= self.courtesy <= 1),
            )
            if not right
        ]
        if wrong:
            raise ConfigurationError(
                f"A setting of the world is out of range: {', '.join(wrong)}.",
                fix="See the ranges in the docstring of penchant.lab.LanguageWorld.",
            )

    @property
    def groups(self) -> tuple[Annotator, ...]:
        """The annotators: those given, or one group with the weights of the world."""
        return tuple(self.annotators) or (Annotator("everybody", self.weights),)

    def attributes(self, prompt: str, response: str) -> dict[str, float]:
        """Every attribute of a response, by name."""
        return {name: measure(name, prompt, response) for name in ATTRIBUTES}

    def reward(self, prompt: str, response: str, annotator: str | None = None) -> float:
        """The reward of a response: for one group, or the mean over all groups.

        Args:
            prompt: a prompt that names the product.
            response: any text.
            annotator: the name of a group; all if None.

        Raises:
            ConfigurationError: there is no such group.
        """
        groups = [each for each in self.groups if annotator in (None, each.name)]
        if not groups:
            raise ConfigurationError(f"There is no annotator {annotator!r} in this world.")
        total = sum(each.share for each in groups)
        weights: dict[str, float] = {}
        for each in groups:
            for name, weight in each.weights.items():
                weights[name] = weights.get(name, 0.0) + weight * each.share / total
        return sum(weight * measure(name, prompt, response) for name, weight in weights.items() if weight)

    def tokenizer(self) -> Any:
        """See `TextWorld.tokenizer`."""
        return build_tokenizer(courtesy_words())

    def prompts(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Different prompts, as ``{"prompt"}``."""
        return different_prompts(count, seed=seed)

    def demonstrations(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Prompts with a review each, good or bad, polite or rude: ``{"prompt", "completion"}``."""
        rng = random.Random(seed)
        asked = [write_prompt(rng) for _ in range(count)]
        return [{"prompt": prompt.text, "completion": self._review(prompt, rng)} for prompt in asked]

    def written(self, rng: random.Random) -> tuple[str, str, str]:
        """See `TextWorld.written`."""
        prompt = write_prompt(rng)
        return prompt.text, self._review(prompt, rng), self._review(prompt, rng)

    def _review(self, prompt: Prompt, rng: random.Random) -> str:
        return add_courtesy(write_review(prompt, rng), self.courtesy, rng)

    def compare(self, prompt: str, first: str, second: str, rng: random.Random) -> dict[str, Any]:
        """The label of an annotator, drawn by the shares of the groups.

        Returns:
            ``prompt``, ``chosen``, ``rejected``; ``chosen_score`` and ``rejected_score``, the true rewards;
            ``annotator``, the group's name; ``flipped``, 1 if the label was flipped; ``probability`` of preferring the
            chosen one, without flips and length bias.
        """
        (group,) = rng.choices(self.groups, [each.share for each in self.groups])
        lead = self.reward(prompt, first, group.name) - self.reward(prompt, second, group.name)
        longer = length_of(first) - length_of(second)
        says_first = rng.random() < preference_probability(lead + self.length_bias * longer / self.scale, self.scale)
        flipped = rng.random() < (self.flips if group.flips is None else group.flips)
        chosen, rejected = (first, second) if says_first != flipped else (second, first)
        return {
            "prompt": prompt,
            "chosen": chosen,
            "rejected": rejected,
            "chosen_score": self.reward(prompt, chosen),
            "rejected_score": self.reward(prompt, rejected),
            "annotator": group.name,
            "flipped": int(flipped),
            "probability": preference_probability(lead if chosen == first else -lead, self.scale),
        }
