"""SumsWorld and ProgramsWorld: worlds with verifiable answers, where the reward is correctness."""

from __future__ import annotations

import random
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from penchant.errors import ConfigurationError
from penchant.lab.pretrained import Pretraining, TextWorld
from penchant.lab.worlds.programs.world import NAMES, run_program, write_program
from penchant.lab.worlds.sums.world import build_tokenizer, careless_demonstrations

__all__ = ["CheckedWorld", "ProgramsWorld", "SumsWorld"]


@dataclass(frozen=True)
class CheckedWorld(TextWorld):
    """Base class: questions with a computable number as answer, and demonstrations with errors.

    Args:
        wrong: share of the demonstrations with a wrong answer, off by up to three, in [0, 1].
    """

    made_by: ClassVar[tuple[str, ...]] = ("penchant.lab.worlds.sums", "penchant.lab.worlds.language.model")
    longest: ClassVar[int] = 5

    wrong: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.wrong <= 1:
            raise ConfigurationError(f"wrong = {self.wrong} is not a share.", fix="Give a number from 0 to 1.")

    @abstractmethod
    def problem(self, rng: random.Random) -> str:
        """A prompt."""

    @abstractmethod
    def answer(self, prompt: str) -> int:
        """The right answer to a prompt."""

    def prompts(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Problems, drawn with repetition, with the answers for a `penchant.rewards.Verifier`."""
        rng = random.Random(seed)
        asked = [self.problem(rng) for _ in range(count)]
        return [{"prompt": prompt, "answer": str(self.answer(prompt))} for prompt in asked]

    def demonstrations(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Problems with partly wrong answers: ``{"prompt", "completion"}``."""
        return careless_demonstrations(self.prompts(count, seed), wrong=self.wrong, seed=seed)

    def reward(self, prompt: str, response: str) -> float:
        """1 for exactly the right number, else 0."""
        return float(response.strip() == str(self.answer(prompt)))

    def written(self, rng: random.Random) -> tuple[str, str, str]:
        """See `TextWorld.written`: the right answer, and one off by up to three."""
        prompt = self.problem(rng)
        right = self.answer(prompt)
        return prompt, str(right), str(abs(right + rng.choice([-3, -2, -1, 1, 2, 3])))

    def compare(self, prompt: str, first: str, second: str, rng: random.Random) -> dict[str, Any] | None:
        """The right answer is chosen; None where both are right, or both wrong."""
        return self.right_before_wrong(prompt, first, second)

    def tokenizer(self) -> Any:
        """See `TextWorld.tokenizer`."""
        return build_tokenizer(f"-*;() print{NAMES}")


@dataclass(frozen=True)
class SumsWorld(CheckedWorld):
    """Sums of two numbers, such as ``12+7=``.

    Args:
        wrong: share of the demonstrations with a wrong answer.
        largest: largest term.
        pretraining: training settings of the base model.

    Example:
        >>> SumsWorld().reward("12+7=", "19"), SumsWorld().reward("12+7=", "18")
        (1.0, 0.0)
    """

    id: ClassVar[str] = "sums"
    base_dials: ClassVar[tuple[str, ...]] = ("wrong", "largest")

    largest: int = 19
    pretraining: Pretraining = Pretraining(5000, epochs=6, batch_size=64, learning_rate=3e-3, width=96)

    def problem(self, rng: random.Random) -> str:
        """See `CheckedWorld.problem`."""
        return f"{rng.randint(0, self.largest)}+{rng.randint(0, self.largest)}="

    def answer(self, prompt: str) -> int:
        """See `CheckedWorld.answer`."""
        first, second = prompt.removesuffix("=").split("+")
        return int(first) + int(second)


@dataclass(frozen=True)
class ProgramsWorld(CheckedWorld):
    """Programs such as ``x = 3; y = x + 4; print(y)``, and their output.

    Args:
        wrong: share of the demonstrations with a wrong answer.
        lines, largest, signs: size of the programs (see `write_program`).
        pretraining: training settings of the base model.

    Example:
        >>> world = ProgramsWorld()
        >>> world.prompts(1)[0]
        {'prompt': 'y = 6; y = y - y; print(y)', 'answer': '0'}
    """

    id: ClassVar[str] = "programs"
    base_dials: ClassVar[tuple[str, ...]] = ("wrong", "lines", "largest", "signs")

    lines: int = 3
    largest: int = 9
    signs: str = "+-"
    pretraining: Pretraining = Pretraining(5000, epochs=4, batch_size=64, learning_rate=3e-3, width=96)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lines < 2 or not set(self.signs) <= set("+-*") or not self.signs:
            raise ConfigurationError(
                f"Programs cannot have {self.lines} lines with the signs {self.signs!r}.",
                fix="Use at least 2 lines, and some of the signs +, - and *.",
            )

    def problem(self, rng: random.Random) -> str:
        """See `CheckedWorld.problem`."""
        return write_program(rng, lines=self.lines, largest=self.largest, signs=self.signs)

    def answer(self, prompt: str) -> int:
        """See `CheckedWorld.answer`."""
        return run_program(prompt)
