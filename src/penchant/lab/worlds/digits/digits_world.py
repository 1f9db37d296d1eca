"""DigitsWorld: the digits of scikit-learn, with a tiny denoiser and computable rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from penchant.errors import ConfigurationError, nearest
from penchant.lab.pretrained import Pretraining
from penchant.lab.worlds.digits.judging import REWARDS, DigitJudge, load_digits
from penchant.lab.worlds.pictures import PictureWorld

__all__ = ["DigitsWorld", "digit_judge"]


@dataclass(frozen=True)
class DigitsWorld(PictureWorld):
    """The 8 × 8 digits that ship with scikit-learn; a prompt is the requested digit.

    The base model is trained on the first half of the real digits; the judge is a classifier trained on the second
    half.

    Args:
        liked: ``ink``, the mean brightness, or ``classifier``, the judge's probability of the requested digit.
        pretraining: training settings of the base model.

    Raises:
        ConfigurationError: there is no such reward.

    Example:
        >>> DigitsWorld("ink").reward(np.ones((1, 8, 8)), [3]).tolist()
        [1.0]
    """

    id: ClassVar[str] = "digits"
    made_by: ClassVar[tuple[str, ...]] = ("penchant.lab.worlds.digits", "penchant.lab.worlds.pictures")
    classes: ClassVar[int] = 10
    side: ClassVar[int] = 8

    liked: str = "ink"
    pretraining: Pretraining = Pretraining(898, epochs=24, batch_size=64, learning_rate=2e-3, width=32)

    def __post_init__(self) -> None:
        if self.liked not in REWARDS:
            raise ConfigurationError(f"There is no reward {self.liked!r} of digits.", fix=nearest(self.liked, REWARDS))

    def pictures(self, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """See `PictureWorld.pictures`: real digits of the first half, in a random order, at most 898 of them."""
        images, classes = load_digits()
        chosen = np.random.default_rng(seed).permutation(len(images) // 2)[:count]
        return images[chosen], classes[chosen]

    def reward(self, pictures: np.ndarray, classes: Sequence[int]) -> np.ndarray:
        """See `PictureWorld.reward`."""
        return digit_judge().reward(self.liked, pictures.reshape(len(pictures), -1), classes)


@cache
def digit_judge() -> DigitJudge:
    """The judge, trained on the second half of the real digits."""
    images, classes = load_digits()
    half = len(images) // 2
    return DigitJudge(images[half:], classes[half:])
