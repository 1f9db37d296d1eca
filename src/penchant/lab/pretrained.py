"""What the worlds with a model share: a base model that is trained once and kept, and feedback about its responses."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from penchant.errors import TrainingError
from penchant.lab.checkpoints import keep
from penchant.lab.policies import answer
from penchant.lab.worlds.registry import WORLDS
from penchant.statistics import Interval, mean_interval

__all__ = ["PretrainedWorld", "Pretraining", "TextWorld", "train_and_keep"]

TURNS = 4  # times that a policy is asked as many prompts as comparisons are wanted


@dataclass(frozen=True)
class Pretraining:
    """How a base model is made.

    Args:
        examples: demonstrations (or pictures) that it learns from.
        epochs, batch_size, learning_rate: passes, examples per step, and peak learning rate.
        width: of the model's layers; a multiple of 32 for texts, of 8 for pictures.
        seed: of the demonstrations, the first weights and the order.
    """

    examples: int
    epochs: float
    batch_size: int
    learning_rate: float
    width: int
    seed: int = 0


def train_and_keep(folder: Path, pretraining: Pretraining, **run: Any) -> None:
    """Train by likelihood and leave only the model in ``folder``.

    Args:
        folder: an empty folder.
        pretraining: how.
        run: ``model``, ``data``, and further arguments of `penchant.train`.
    """
    import shutil

    from penchant.training.api import train

    result = train(
        **run,
        objective="nll",
        output=folder / "run",
        epochs=pretraining.epochs,
        batch_size=pretraining.batch_size,
        learning_rate=pretraining.learning_rate,
        seed=pretraining.seed,
        warmup=0.05,
        samples=0,
    )
    for path in (result.folder / "model").iterdir():
        path.rename(folder / path.name)
    shutil.rmtree(folder / "run")


class PretrainedWorld(ABC):
    """A world with a model that has learned to write or draw in it.

    A subclass is a frozen dataclass whose fields are the world's dials, with a field ``pretraining``.
    """

    #: Lower case, words joined by hyphens; a subclass that has one is found in `penchant.lab.worlds.registry.WORLDS`.
    id: ClassVar[str]
    #: The modules whose source decides what the base model is.
    made_by: ClassVar[tuple[str, ...]]
    #: The dials that decide what the base model is, beside ``pretraining``; the others describe feedback.
    base_dials: ClassVar[tuple[str, ...]] = ()
    pretraining: Pretraining

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "id" in vars(cls):
            WORLDS.add(cls.id, cls)

    def base_model(self) -> Path:
        """The folder of the base model, for ``penchant.train(model=...)``; trained at the first call on this machine.

        Worlds that differ only in their feedback share one. It is kept in ``$PENCHANT_CACHE/lab`` (by default in the
        user's cache folder), named by a hash of the settings and of the source files that made it.
        """
        settings = {name: getattr(self, name) for name in self.base_dials} | asdict(self.pretraining)
        return keep(self.id, settings, ("penchant.lab.pretrained", *self.made_by), self.train_base)

    @abstractmethod
    def train_base(self, folder: Path) -> None:
        """Train the base model and write it into an empty folder."""

    @abstractmethod
    def policy(self) -> Any:
        """The base model, loaded: a fresh copy that may be trained in place."""


class TextWorld(PretrainedWorld):
    """A world of prompts and responses in words, with a reward that is computed."""

    #: The longest response that a policy is given time for, tokens.
    longest: ClassVar[int] = 80

    @abstractmethod
    def tokenizer(self) -> Any:
        """The world's tokenizer, built in memory."""

    @abstractmethod
    def prompts(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Records ``{"prompt", ...}``."""

    @abstractmethod
    def demonstrations(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Records ``{"prompt", "completion"}``, as the base model learns from them."""

    @abstractmethod
    def reward(self, prompt: str, response: str) -> float:
        """The truth: how good a response is."""

    @abstractmethod
    def written(self, rng: random.Random) -> tuple[str, str, str]:
        """A prompt and two responses to it, as the world itself writes them."""

    @abstractmethod
    def compare(self, prompt: str, first: str, second: str, rng: random.Random) -> dict[str, Any] | None:
        """What an annotator says of two responses: a record of a comparison, or None where they say nothing."""

    def train_base(self, folder: Path) -> None:
        """See `PretrainedWorld.train_base`."""
        from penchant.lab.worlds.language.model import tiny_model

        plan, tokenizer = self.pretraining, self.tokenizer()
        model = tiny_model(tokenizer, seed=plan.seed, hidden=plan.width)
        data = self.demonstrations(plan.examples, plan.seed)
        train_and_keep(folder, plan, model=model, tokenizer=tokenizer, data=data, group_by_length=True)

    def policy(self) -> Any:
        """See `PretrainedWorld.policy`."""
        from penchant.likelihood.loading import load_model

        return load_model(self.base_model())

    def pairs(self, count: int, seed: int = 0, *, policy: Any = None) -> list[dict[str, Any]]:
        """Comparisons between two different responses to one prompt, labelled by the world's annotators.

        Args:
            count: number of records, at least 0.
            seed: the same seed gives the same records.
            policy: a model whose responses are compared; those that the world itself writes where None.

        Returns:
            Records ``{"prompt", "chosen", "rejected", ...}``, for `penchant.train`.

        Raises:
            TrainingError: the policy rarely gives two different responses that end.
        """
        rng = random.Random(seed)
        records: list[dict[str, Any]] = []
        drawn = self._written(rng) if policy is None else self._sampled(policy, count, seed)
        while len(records) < count:
            found = next(drawn, None)
            if found is None:
                raise TrainingError(
                    f"The policy gave two different responses that end too rarely: {len(records)} comparisons, "
                    f"of {count} that were asked for.",
                    fix="Give a policy that was trained on the world's demonstrations, for example world.policy().",
                )
            record = self.compare(*found, rng) if found[1] != found[2] else None
            records += [record] if record else []
        return records

    def right_before_wrong(self, prompt: str, first: str, second: str) -> dict[str, Any] | None:
        """A comparison that always chooses the higher reward; None where both are the same."""
        scores = {first: self.reward(prompt, first), second: self.reward(prompt, second)}
        if scores[first] == scores[second]:
            return None
        chosen, rejected = sorted(scores, key=lambda each: -scores[each])
        return {
            "prompt": prompt,
            "chosen": chosen,
            "rejected": rejected,
            "chosen_score": scores[chosen],
            "rejected_score": scores[rejected],
        }

    def _written(self, rng: random.Random) -> Iterator[tuple[str, str, str]]:
        while True:
            yield self.written(rng)

    def _sampled(self, policy: Any, count: int, seed: int) -> Iterator[tuple[str, str, str]]:
        for turn in range(seed * TURNS, (seed + 1) * TURNS):
            asked = [record["prompt"] for record in self.prompts(max(count, 16), turn)]
            for prompt, given in zip(asked, self.responses(policy, asked, 2, turn), strict=True):
                if len(given) == 2:
                    yield prompt, given[0], given[1]

    def responses(self, policy: Any, prompts: Sequence[str], samples: int = 1, seed: int = 0) -> list[list[str]]:
        """What a policy answers at temperature 1; responses that never end, or say nothing, are left out.

        Args:
            policy: a causal language model with the world's tokens.
            prompts: P prompts.
            samples: drawn for each.
            seed: of the sampling.

        Returns:
            P lists of at most ``samples`` texts.
        """
        drawn = answer(policy, self.tokenizer(), prompts, samples=samples, max_new_tokens=self.longest, seed=seed)
        return [[each.text for each in given if each.finished and each.text.strip()] for given in drawn]

    def mean_reward(self, policy: Any, count: int = 200, seed: int = 1_000_000) -> Interval:
        """The true reward of a policy's responses, one to each of ``count`` prompts, with its 95 % interval.

        Args:
            policy: a causal language model with the world's tokens.
            count: 2 or more prompts.
            seed: of prompts and sampling; far from those that feedback is usually drawn with.
        """
        asked = [record["prompt"] for record in self.prompts(count, seed)]
        drawn = answer(policy, self.tokenizer(), asked, max_new_tokens=self.longest, seed=seed)
        return mean_interval([self.reward(prompt, given[0].text) for prompt, given in zip(asked, drawn, strict=True)])
