"""ShapesWorld: generated shapes, with a tiny denoiser and measured rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from penchant.errors import ConfigurationError, nearest
from penchant.lab.pretrained import Pretraining
from penchant.lab.worlds.pictures import PictureWorld
from penchant.lab.worlds.shapes.drawing import KINDS, MEASURES, draw_shape, kinds_of

__all__ = ["ShapesWorld"]


@dataclass(frozen=True)
class ShapesWorld(PictureWorld):
    """Circles, squares, crosses, rings and triangles of random size, position and brightness.

    A prompt is the index of a kind in `KINDS` as text: ``"0"`` is a circle.

    Args:
        weights: reward per unit of each of `MEASURES` (``brightness``, ``centredness``, ``size``).
        spread: maximum offset of a shape's centre from that of the picture, across and down, pixels.
        darkest: minimum brightness of a shape, in (0, 1].
        pretraining: training settings of the base model.

    Raises:
        ConfigurationError: a setting is out of range.

    Example:
        >>> world = ShapesWorld({"brightness": 1.0})
        >>> images, kinds = world.pictures(5)
        >>> images.shape, kinds.tolist()
        ((5, 12, 12), [0, 1, 2, 3, 4])
    """

    id: ClassVar[str] = "shapes"
    made_by: ClassVar[tuple[str, ...]] = ("penchant.lab.worlds.shapes", "penchant.lab.worlds.pictures")
    base_dials: ClassVar[tuple[str, ...]] = ("spread", "darkest")
    classes: ClassVar[int] = len(KINDS)
    side: ClassVar[int] = 12

    weights: Mapping[str, float] = field(default_factory=lambda: {"centredness": 1.0})
    spread: float = 2.0
    darkest: float = 0.4
    pretraining: Pretraining = Pretraining(800, epochs=20, batch_size=32, learning_rate=3e-3, width=16)

    def __post_init__(self) -> None:
        for name in self.weights:
            if name not in MEASURES:
                raise ConfigurationError(f"There is no measure {name!r} of pictures.", fix=nearest(name, MEASURES))
        if not 0 <= self.spread <= 3 or not 0 < self.darkest <= 1:
            raise ConfigurationError(
                f"spread = {self.spread} or darkest = {self.darkest} is out of range.",
                fix="Use a spread from 0 to 3, and a brightness above 0 and at most 1.",
            )

    def pictures(self, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """See `PictureWorld.pictures`; the kinds alternate."""
        rng = np.random.default_rng(seed)
        kinds = np.arange(count) % len(KINDS)
        drawn = [
            draw_shape(
                list(KINDS)[kind],
                self.side,
                across=rng.uniform(-self.spread, self.spread),
                down=rng.uniform(-self.spread, self.spread),
                radius=rng.uniform(2.5, 4.5),
                light=rng.uniform(self.darkest, 1.0),
            )
            for kind in kinds
        ]
        images = np.stack(drawn) if drawn else np.zeros((0, self.side, self.side))
        return (images * 255).round().astype(np.uint8), kinds

    def reward(self, pictures: np.ndarray, classes: Sequence[int] = ()) -> np.ndarray:
        """See `PictureWorld.reward`: Σ weight · measure, independent of the kind."""
        return sum(
            (weight * MEASURES[name](pictures) for name, weight in self.weights.items()), np.zeros(len(pictures))
        )

    def recognised(self, pictures: np.ndarray, classes: Sequence[int]) -> float:
        """Share of the pictures that are most similar to the requested kind."""
        return float((kinds_of(pictures) == np.asarray(classes)).mean())
