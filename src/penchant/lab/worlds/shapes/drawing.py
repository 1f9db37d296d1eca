"""Drawing of shapes as small pictures, and measures of such pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

__all__ = ["KINDS", "MEASURES", "brightness", "centredness", "draw_shape", "kinds_of", "size"]

_FINE = 4  # subpixels per side, for anti-aliased edges

#: Whether a point (across, down), in units of the radius, is inside a shape, by kind.
KINDS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "circle": lambda x, y: x**2 + y**2 <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 0.9,
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) <= 0.28) & (np.maximum(abs(x), abs(y)) <= 1.1),
    "ring": lambda x, y: (x**2 + y**2 <= 1.2) & (x**2 + y**2 >= 0.35),
    "triangle": lambda x, y: (abs(y) <= 1) & (2 * abs(x) <= y + 1.1),
}


def draw_shape(
    kind: str, pixels: int = 12, *, across: float = 0.0, down: float = 0.0, radius: float = 3.5, light: float = 1.0
) -> np.ndarray:
    """Draw a bright shape on black.

    Args:
        kind: one of `KINDS`.
        pixels: side length in pixels.
        across, down: offset of its centre from that of the picture, pixels.
        radius: radius, pixels.
        light: brightness, from 0 to 1.

    Returns:
        [pixels, pixels] numbers from 0 to 1.

    Example:
        >>> draw_shape("square", 4, radius=1.2).round(1).tolist()[1]
        [0.0, 1.0, 1.0, 0.0]
    """
    place = (np.arange(pixels * _FINE) + 0.5) / _FINE - pixels / 2
    inside = KINDS[kind]((place[None, :] - across) / radius, (place[:, None] - down) / radius)
    return light * inside.reshape(pixels, _FINE, pixels, _FINE).mean((1, 3))


def brightness(pictures: np.ndarray) -> np.ndarray:
    """Mean brightness, [N] in [0, 1], of pictures [N, side, side].

    Example:
        >>> brightness(np.eye(2)[None]).tolist()
        [0.5]
    """
    return pictures.mean((1, 2))


def centredness(pictures: np.ndarray) -> np.ndarray:
    """1 − distance of the brightness centroid from the picture's centre, in half sides; [N] in [−√2 + 1, 1].

    0 for a black picture, which has no centroid.

    Example:
        >>> corner = np.zeros((1, 4, 4))
        >>> corner[0, 0, 0] = 1.0
        >>> centredness(np.ones((1, 4, 4))).tolist(), centredness(corner).round(2).tolist()
        ([1.0], [-0.06])
    """
    side = pictures.shape[-1]
    place = np.arange(side) - (side - 1) / 2
    light = pictures.sum((1, 2))
    across = (pictures.sum(1) * place).sum(1) / np.maximum(light, 1e-9)
    down = (pictures.sum(2) * place).sum(1) / np.maximum(light, 1e-9)
    return np.where(light > 0, 1 - np.hypot(across, down) / (side / 2), 0.0)


def size(pictures: np.ndarray) -> np.ndarray:
    """Share of the pixels that are at least half as bright as the brightest, [N] in [0, 1]; 0 for a black picture.

    Example:
        >>> size(np.array([[[1.0, 0.6], [0.4, 0.0]]])).tolist()
        [0.5]
    """
    brightest = pictures.max((1, 2), keepdims=True)
    return ((pictures >= brightest / 2) & (brightest > 0)).mean((1, 2))


#: Measures of pictures by name: functions from [N, side, side] to [N].
MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "brightness": brightness,
    "centredness": centredness,
    "size": size,
}


def kinds_of(pictures: np.ndarray) -> np.ndarray:
    """The most similar kind of each picture, as an index into `KINDS`, [N].

    Pictures are compared with every kind at many positions and sizes, by pixel correlation.

    Example:
        >>> kinds_of(np.stack([draw_shape("ring", light=0.7), draw_shape("cross", across=1.0)])).tolist()
        [3, 2]
    """
    templates, kinds = _templates(pictures.shape[-1])
    return kinds[(_normalised(pictures) @ templates.T).argmax(1)]


@cache
def _templates(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Normalised template pictures [M, side · side] of every kind, and their kinds [M]."""
    offsets = np.arange(-2.0, 2.1, 0.5)
    drawn = [
        (draw_shape(kind, side, across=across, down=down, radius=radius * side / 12), number)
        for number, kind in enumerate(KINDS)
        for radius in (2.5, 3.0, 3.5, 4.0, 4.5)
        for across in offsets
        for down in offsets
    ]
    return _normalised(np.stack([picture for picture, _ in drawn])), np.array([number for _, number in drawn])


def _normalised(pictures: np.ndarray) -> np.ndarray:
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
