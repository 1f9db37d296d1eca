"""Pixels of Pillow images as a viewer shows them: orientation, transparency, number of bits, colours, size."""

from __future__ import annotations

import struct
from typing import Any, Literal

__all__ = ["DEEP", "Resize", "as_shown", "eight_bit", "resized", "upright"]

#: Modes of Pillow with one channel of more than eight bits.
DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")

#: How an image of another size becomes one of the model's.
Resize = Literal["crop", "stretch", "pad"]

# The EXIF tag of the orientation.
_ORIENTATION = 0x0112


def upright(picture: Any) -> Any:
    """The picture in the orientation that its EXIF data state.

    Args:
        picture: a Pillow image.
    """
    from PIL import ImageOps

    try:
        turned = picture.getexif().get(_ORIENTATION, 1) not in (0, 1)
        return ImageOps.exif_transpose(picture) if turned else picture
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return picture  # viewers ignore EXIF data that cannot be read, too


def eight_bit(picture: Any) -> Any:
    """A picture of one deep channel scaled to eight bits; any other as it is.

    The range of 16 bits, 0 to 65535, becomes 0 to 255. Pillow's own conversion would clip it at 255.

    Args:
        picture: a Pillow image.

    Raises:
        ValueError: the numbers are not those of an image with 8 or 16 bits.

    Example:
        >>> from PIL import Image
        >>> eight_bit(Image.new("I;16", (1, 1), 32896)).getpixel((0, 0))
        128
    """
    import numpy as np
    from PIL import Image

    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits a channel")
    if picture.mode not in DEEP:
        return picture
    numbers = np.asarray(picture).astype(np.int64)
    if numbers.min() < 0 or numbers.max() > 65535:
        raise ValueError(f"its pixels are numbers from {numbers.min()} to {numbers.max()}, not of 8 or 16 bits")
    # Mode I is what a program makes of small numbers, too.
    if picture.mode == "I" and numbers.max() <= 255:
        return Image.fromarray(numbers.astype(np.uint8))
    return Image.fromarray(((numbers + 128) // 257).astype(np.uint8))


def resized(picture: Any, size: tuple[int, int], rule: Resize, background: str) -> Any:
    """The picture in another size.

    Args:
        picture: a Pillow image.
        size: width and height.
        rule: ``crop`` scales it to cover the size and keeps its centre; ``stretch`` changes its shape; ``pad`` scales
            it to fit into the size and fills the rest with the background.
        background: a colour.
    """
    from PIL import Image, ImageOps

    if picture.size == size:
        return picture
    if rule == "stretch":
        return picture.resize(size, Image.Resampling.BICUBIC)
    if rule == "pad":
        return ImageOps.pad(picture, size, color=background)
    return ImageOps.fit(picture, size)


def as_shown(
    picture: Any, size: tuple[int, int], *, grey: bool = False, rule: Resize = "crop", background: str = "white"
) -> Any:
    """A picture as a viewer shows it, in the size and the colours of a model.

    Args:
        picture: a Pillow image of any mode; the first frame of several.
        size: width and height.
        grey: one channel (mode ``L``) instead of three (``RGB``).
        rule: see `resized`.
        background: the colour behind transparent pixels.

    Example:
        >>> from PIL import Image
        >>> as_shown(Image.new("RGBA", (2, 2), (0, 0, 0, 0)), (1, 1)).getpixel((0, 0))
        (255, 255, 255)
    """
    from PIL import Image

    picture = eight_bit(upright(picture))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        front = picture.convert("RGBA")
        picture = Image.new("RGBA", front.size, background)
        picture.alpha_composite(front)
    # Colours first: scaling the indices of a palette would mix unrelated colours.
    return resized(picture.convert("RGB"), size, rule, background).convert("L" if grey else "RGB")
