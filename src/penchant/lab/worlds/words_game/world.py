"""WordsWorld: rock, paper, scissors, Spock and lizard, thrown in words by a tiny model."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from penchant.lab.pretrained import PretrainedWorld, Pretraining, train_and_keep

__all__ = ["ACTIONS", "WordsWorld", "action_of", "mixture", "payoffs", "preferences", "prompts", "utterances"]

#: The words of each action, and what it beats.
ACTIONS: Mapping[str, tuple[str, tuple[str, str]]] = {
    "rock": ("heavy grey rock", ("scissors", "lizard")),
    "paper": ("flat white paper", ("rock", "spock")),
    "scissors": ("sharp steel scissors", ("paper", "lizard")),
    "spock": ("wise pointed spock", ("scissors", "rock")),
    "lizard": ("quick green lizard", ("spock", "paper")),
}
_OPENINGS = ("now", "see", "take", "well")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def utterances() -> list[str]:
    """Everything that may be said, four utterances an action.

    Example:
        >>> len(utterances()), utterances()[0]
        (20, 'now heavy grey rock')
    """
    return [f"{opening} {words}" for words, _beaten in ACTIONS.values() for opening in _OPENINGS]


def action_of(text: str) -> str | None:
    """The action that an utterance throws; None if it is not one of `utterances`.

    Example:
        >>> action_of("take quick green lizard"), action_of("take a breath")
        ('lizard', None)
    """
    if text.strip() not in utterances():
        return None
    return text.split()[-1]


def payoffs() -> Tensor:
    """[5, 5] what each action gains against each: 1, 0 or −1.

    Example:
        >>> payoffs()[0].tolist()
        [0.0, -1.0, 1.0, -1.0, 1.0]
    """
    beats = torch.tensor([[float(other in beaten) for other in ACTIONS] for _words, beaten in ACTIONS.values()])
    return (beats - beats.T).double()


def preferences() -> dict[str, Any]:
    """The content of the file of a judge ``preference_table``: who wins, ½ for a draw."""
    places = [list(ACTIONS).index(str(action_of(text))) for text in utterances()]
    return {"responses": utterances(), "probabilities": (payoffs()[places][:, places] / 2 + 0.5).tolist()}


def prompts() -> list[dict[str, str]]:
    """One record for each of eight throws."""
    return [{"prompt": f"the {ordinal} throw:"} for ordinal in _ORDINALS]


def mixture(chances: Mapping[str, float]) -> Tensor:
    """The probability of each action where utterances have the given ones; what throws nothing is left out.

    Args:
        chances: by utterance.

    Returns:
        [5], of sum 1.
    """
    found = dict.fromkeys(ACTIONS, 0.0)
    for text, chance in chances.items():
        if (action := action_of(text)) is not None:
            found[action] += chance
    mass = torch.tensor(list(found.values()), dtype=torch.float64)
    return mass / mass.sum()


@dataclass(frozen=True)
class WordsWorld(PretrainedWorld):
    """Rock, paper, scissors, Spock and lizard in words; the base model hardly ever says the last two.

    Args:
        shares: of the five actions in what the base model has read.
        pretraining: training settings of the base model.
    """

    id: ClassVar[str] = "words-game"
    made_by: ClassVar[tuple[str, ...]] = ("penchant.lab.worlds.words_game", "penchant.lab.worlds.language.model")
    base_dials: ClassVar[tuple[str, ...]] = ("shares",)

    shares: tuple[float, ...] = (0.31, 0.31, 0.31, 0.04, 0.03)
    pretraining: Pretraining = Pretraining(3000, epochs=2, batch_size=32, learning_rate=3e-3, width=32)

    def tokenizer(self) -> Any:
        """A word-level tokenizer, built in memory."""
        from penchant.lab.worlds.language.tokenizer import build_tokenizer

        said = [word for text in utterances() for word in text.split()]
        return build_tokenizer(["the", "throw", ":", *_ORDINALS, *said], reviews=False)

    def demonstrations(self, count: int, seed: int = 0) -> list[dict[str, str]]:
        """Throws as the base model reads them: ``{"prompt", "completion"}``."""
        rng = random.Random(seed)
        words = [words for words, _beaten in ACTIONS.values()]
        thrown = rng.choices(words, self.shares, k=count)
        asked = rng.choices([each["prompt"] for each in prompts()], k=count)
        return [
            {"prompt": prompt, "completion": f"{rng.choice(_OPENINGS)} {each}"}
            for prompt, each in zip(asked, thrown, strict=True)
        ]

    def train_base(self, folder: Path) -> None:
        """See `PretrainedWorld.train_base`."""
        from penchant.lab.worlds.language.model import tiny_model

        plan, tokenizer = self.pretraining, self.tokenizer()
        model = tiny_model(tokenizer, seed=plan.seed, hidden=plan.width, layers=1)
        train_and_keep(
            folder, plan, model=model, tokenizer=tokenizer, data=self.demonstrations(plan.examples, plan.seed)
        )

    def policy(self) -> Any:
        """See `PretrainedWorld.policy`."""
        from penchant.likelihood.loading import load_model

        return load_model(self.base_model())
