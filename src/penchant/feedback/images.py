"""`Image`, a response that is an image, and reading images from rows."""

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

#: The columns that contain images.
COLUMNS = ("chosen_image", "rejected_image", "image")


@dataclass(frozen=True)
class Image:
    """An image as a response. Images with the same content are equal.

    Args:
        key: SHA-256 (hexadecimal) of the file's content.
        place: the file, if the image is on disk; it is read when needed.
        data: the file's content, if the image is not on disk.

    Example:
        >>> str(Image("ab12", data=b""))
        'image ab12'
    """

    key: str
    place: Path | None = field(default=None, compare=False)
    data: bytes | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        # A record's fingerprint uses this: it depends on the content only.
        return f"image {self.key}"

    def open(self) -> Any:
        """The image as a loaded Pillow image."""
        from PIL import Image as Pillow

        picture = Pillow.open(self.place if self.data is None else io.BytesIO(self.data))  # type: ignore[arg-type]
        picture.load()
        return picture


def read_image(value: Any, field: str, source: Source) -> Image:
    """An image from the value of a row, validated by opening it.

    Args:
        value: a path, the bytes of a file, ``{"bytes", "path"}`` (the format of ``datasets``), a Pillow image, or rows
            of numbers from 0 to 255, [height, width] or [height, width, 3].
        field: the column, for errors.
        source: file and line of the record, for errors.

    Raises:
        DataError: the file is missing, or the value is not an image.

    Example:
        >>> read_image([[0, 255], [255, 0]], "image", Source()).open().size
        (2, 2)
    """
    if isinstance(value, Mapping):
        value = value["bytes"] if value.get("bytes") is not None else value.get("path")
    image = _image(value, field, source)
    try:
        image.open()
    except Exception as error:  # Pillow raises many types; each means that this is not a readable image
        raise DataError(
            f"{field!r} cannot be read as an image ({str(error).splitlines()[0][:160]}).",
            where=str(source),
            fix="Use a PNG, a JPEG or another format that Pillow opens, or remove the record.",
        ) from error
    return image


def _image(value: Any, field: str, source: Source) -> Image:
    if isinstance(value, str | Path):
        try:
            return Image(_key(Path(value).read_bytes()), place=Path(value))
        except OSError as error:
            raise DataError(
                f"The file in {field!r} cannot be read ({error.strerror}): {value}.",
                where=str(source),
                fix="Check the path; a relative path starts at the folder of the data file.",
            ) from error
    if isinstance(value, bytes):
        return Image(_key(value), data=value)
    content = _encoded(value)
    if content is None:
        raise DataError(
            f"{field!r} is {type(value).__name__}, expected an image.",
            where=str(source),
            fix="Give a path, the bytes of an image file, a Pillow image, or rows of numbers from 0 to 255.",
        )
    return Image(_key(content), data=content)


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _encoded(value: Any) -> bytes | None:
    """The bytes of a PNG file from a Pillow image or from numbers from 0 to 255."""
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
    """A row in which relative image paths are resolved against ``folder``.

    Example:
        >>> located({"image": "a.png", "prompt": "a cat"}, Path("data"))["image"]
        'data/a.png'
    """
    if any(name in row for name in ("chosen", "completion", "messages")):
        return row  # the responses are texts; an image column is an extra field and stays as it is
    named = {name for name in COLUMNS if isinstance(row.get(name), str)}
    return {name: str(folder / value) if name in named else value for name, value in row.items()}
