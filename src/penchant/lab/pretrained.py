"""Base classes of worlds with a model: a cached base model, and feedback on its responses."""

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

TURNS = 4  # rounds of sampling, each with as many prompts as requested comparisons


@dataclass(frozen=True)
class Pretraining:
    """Settings for training a base model.

    Args:
        examples: number of demonstrations (or pictures) to train on.
        epochs, batch_size, learning_rate: passes, examples per step, and peak learning rate.
        width: width of the layers; a multiple of 32 for text, of 8 for pictures.
        seed: seed of the demonstrations, the initial weights and the order.
    """

    examples: int
    epochs: float
    batch_size: int
    learning_rate: float
    width: int
    seed: int = 0


def train_and_keep(folder: Path, pretraining: Pretraining, **run: Any) -> None:
    """Train a model by likelihood and keep only the model in ``folder``.

    Args:
        folder: an empty folder.
        pretraining: training settings.
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
    """A world with a pretrained base model.

    A subclass is a frozen dataclass whose fields are the settings of the world, including ``pretraining``.
    """

    #: Lower case, words joined by hyphens; a subclass with an id is listed in `penchant.lab.worlds.registry.WORLDS`.
    id: ClassVar[str]
    #: The modules whose source the base model depends on.
    made_by: ClassVar[tuple[str, ...]]
    #: The settings that the base model depends on, besides ``pretraining``; the others describe feedback.
    base_dials: ClassVar[tuple[str, ...]] = ()
    pretraining: Pretraining

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "id" in vars(cls):
            WORLDS.add(cls.id, cls)

    def base_model(self) -> Path:
        """The folder of the base model, for ``penchant.train(model=...)``; trained on the first call on this machine.

        Worlds that differ only in their feedback share a base model. It is cached in ``$PENCHANT_CACHE/lab`` (by
        default in the user's cache folder) under a hash of its settings and source files.
        """
        settings = {name: getattr(self, name) for name in self.base_dials} | asdict(self.pretraining)
        return keep(self.id, settings, ("penchant.lab.pretrained", *self.made_by), self.train_base)

    @abstractmethod
    def train_base(self, folder: Path) -> None:
        """Train the base model and write it into an empty folder."""

    @abstractmethod
    def policy(self) -> Any:
        """Load the base model: a fresh copy that may be trained in place."""


class TextWorld(PretrainedWorld):
    """A world of text prompts and responses with a computable reward."""

    #: Maximum length of a sampled response, tokens.
    longest: ClassVar[int] = 80

    @abstractmethod
    def tokenizer(self) -> Any:
        """The world's tokenizer, built in memory."""

    @abstractmethod
    def prompts(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Records ``{"prompt", ...}``."""

    @abstractmethod
    def demonstrations(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Records ``{"prompt", "completion"}`` for training the base model."""

    @abstractmethod
    def reward(self, prompt: str, response: str) -> float:
        """The true reward of a response."""

    @abstractmethod
    def written(self, rng: random.Random) -> tuple[str, str, str]:
        """A prompt and two responses to it, written by the world."""

    @abstractmethod
    def compare(self, prompt: str, first: str, second: str, rng: random.Random) -> dict[str, Any] | None:
        """An annotator's comparison of two responses as a record, or None without a judgement."""

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
            policy: a model whose responses are compared; if None, responses written by the world.

        Returns:
            Records ``{"prompt", "chosen", "rejected", ...}``, for `penchant.train`.

        Raises:
            TrainingError: the policy rarely gives two different finished responses.
        """
        rng = random.Random(seed)
        records: list[dict[str, Any]] = []
        drawn = self._written(rng) if policy is None else self._sampled(policy, count, seed)
        while len(records) < count:
            found = next(drawn, None)
            if found is None:
                raise TrainingError(
                    f"The policy rarely gives two different finished responses: {len(records)} comparisons instead of "
                    f"{count}.",
                    fix="Use a policy trained on the demonstrations of the world, for example world.policy().",
                )
            record = self.compare(*found, rng) if found[1] != found[2] else None
            records += [record] if record else []
        return records

    def right_before_wrong(self, prompt: str, first: str, second: str) -> dict[str, Any] | None:
        """A comparison that chooses the higher reward; None for equal rewards."""
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
        """Sample responses of a policy at temperature 1; unfinished and empty responses are left out.

        Args:
            policy: a causal language model with the world's tokenizer.
            prompts: P prompts.
            samples: number of samples per prompt.
            seed: seed of the sampling.

        Returns:
            P lists of at most ``samples`` texts.
        """
        drawn = answer(policy, self.tokenizer(), prompts, samples=samples, max_new_tokens=self.longest, seed=seed)
        return [[each.text for each in given if each.finished and each.text.strip()] for given in drawn]

    def mean_reward(self, policy: Any, count: int = 200, seed: int = 1_000_000) -> Interval:
        """The mean true reward of a policy, with one response to each of ``count`` prompts, and its 95 % interval.

        Args:
            policy: a causal language model with the world's tokenizer.
            count: 2 or more prompts.
            seed: seed of prompts and sampling; far from the usual seeds of feedback.
        """
        asked = [record["prompt"] for record in self.prompts(count, seed)]
        drawn = answer(policy, self.tokenizer(), asked, max_new_tokens=self.longest, seed=seed)
        return mean_interval([self.reward(prompt, given[0].text) for prompt, given in zip(asked, drawn, strict=True)])
