"""Images as responses: what a record holds instead of a text."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Source

__all__ = ["COLUMNS", "Image", "located", "read_image"]

#: The columns that hold an image, by our names.
COLUMNS = ("chosen_image", "rejected_image", "image")


@dataclass(frozen=True)
class Image:
    """An image that somebody preferred, rejected, judged or showed. Two with the same content are equal.

    Args:
        key: SHA-256 (hexadecimal) of the file's content.
        place: the file, for one that is read when it is needed.
        data: the file's content, for one that is not on disk.

    Example:
        >>> str(Image("ab12", data=b""))
        'image ab12'
    """

    key: str
    place: Path | None = field(default=None, compare=False)
    data: bytes | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        # What a record's fingerprint is made of: the content, wherever it is kept.
        return f"image {self.key}"

    def open(self) -> Any:
        """The picture as an image of Pillow, loaded."""
        from PIL import Image as Pillow

        picture = Pillow.open(self.place if self.data is None else io.BytesIO(self.data))  # type: ignore[arg-type]
        picture.load()
        return picture


def read_image(value: Any, field: str, source: Source) -> Image:
    """An image from a row's value, checked to be one.

    Args:
        value: a path, the bytes of a file, ``{"bytes", "path"}`` (as ``datasets`` keeps images), an image of Pillow, or
            rows of numbers from 0 to 255, [height, width] or [height, width, 3].
        field: the column, for errors.
        source: where the record is, for errors.

    Raises:
        DataError: there is no such file, or it is not an image.

    Example:
        >>> read_image([[0, 255], [255, 0]], "image", Source()).open().size
        (2, 2)
    """
    if isinstance(value, Mapping):
        value = value["bytes"] if value.get("bytes") is not None else value.get("path")
    image = _image(value, field, source)
    try:
        image.open()
    except Exception as error:  # Pillow raises many kinds; each means that it cannot read this as an image
        raise DataError(
            f"{field!r} cannot be read as an image ({str(error).splitlines()[0][:160]}).",
            where=str(source),
            fix="Give a PNG, JPEG or another file that Pillow opens, or remove the record.",
        ) from error
    return image


def _image(value: Any, field: str, source: Source) -> Image:
    if isinstance(value, str | Path):
        try:
            return Image(_key(Path(value).read_bytes()), place=Path(value))
        except OSError as error:
            raise DataError(
                f"{field!r} names a file that cannot be read ({error.strerror}): {value}.",
                where=str(source),
                fix="Check the path; a relative one starts at the folder of the file that names it.",
            ) from error
    if isinstance(value, bytes):
        return Image(_key(value), data=value)
    content = _encoded(value)
    if content is None:
        raise DataError(
            f"{field!r} is {type(value).__name__}, expected an image.",
            where=str(source),
            fix="Give a path, the bytes of an image file, an image of Pillow, or rows of numbers from 0 to 255.",
        )
    return Image(_key(content), data=content)


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _encoded(value: Any) -> bytes | None:
    """An image of Pillow, or numbers from 0 to 255, as the bytes of a PNG file."""
    import numpy as np
    from PIL import Image as Pillow

    if not isinstance(value, Pillow.Image):
        try:
            numbers = np.asarray(value)
        except ValueError:
            return None
        shaped = numbers.ndim == 2 or (numbers.ndim == 3 and numbers.shape[2] in (3, 4))
        if not shaped or numbers.dtype.kind not in "iuf" or numbers.min() < 0 or numbers.max() > 255:
            return None
        value = Pillow.fromarray(numbers.round().astype(np.uint8))
    file = io.BytesIO()
    value.save(file, format="PNG")
    return file.getvalue()


def located(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A row whose relative paths of images start at ``folder``.

    Example:
        >>> located({"image": "a.png", "prompt": "a cat"}, Path("data"))["image"]
        'data/a.png'
    """
    if any(name in row for name in ("chosen", "completion", "messages")):
        return row  # its responses are texts, and an image beside them is what it says it is
    named = {name for name in COLUMNS if isinstance(row.get(name), str)}
    return {name: str(folder / value) if name in named else value for name, value in row.items()}
