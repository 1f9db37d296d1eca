"""`Image`, a response that is an image, and reading images from rows."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.feedback.image_files import BYTES, decoded, file_bytes, inside, uri_bytes
from penchant.feedback.pixels import DEEP, eight_bit, upright
from penchant.feedback.records import Source

__all__ = ["COLUMNS", "Image", "located", "read_image"]

#: The columns that contain images.
COLUMNS = ("chosen_image", "rejected_image", "image")

# Phones write further pictures, such as a depth map, into one file; the first is the photograph.
_SIDE_BY_SIDE = ("MPO", "HEIF", "AVIF", "ICO")


@dataclass(frozen=True)
class Image:
    """An image as a response. Images with the same content are equal.

    Args:
        key: SHA-256 (hexadecimal) of the file's content.
        place: the file, if the image is on disk; it is read when needed.
        data: the file's content, if the image is not on disk.
        size: width and height in pixels, upright; None if it is not known.
        frames: number of frames; the first one is the image.

    Example:
        >>> str(Image("ab12", data=b""))
        'image ab12'
    """

    key: str
    place: Path | None = field(default=None, compare=False)
    data: bytes | None = field(default=None, compare=False, repr=False)
    size: tuple[int, int] | None = field(default=None, compare=False, repr=False)
    frames: int = field(default=1, compare=False, repr=False)

    def __str__(self) -> str:
        # A record's fingerprint uses this: it depends on the content only.
        return f"image {self.key}"

    def open(self) -> Any:
        """The image as a loaded Pillow image, as it is stored; see `penchant.feedback.pixels.as_shown`."""
        if self.data is not None:
            return decoded(self.data)
        assert self.place is not None
        return decoded(file_bytes(self.place))


def read_image(value: Any, field: str, source: Source) -> Image:
    """An image from the value of a row, validated by opening it.

    Args:
        value: a path, a ``data:`` address, the bytes of a file, ``{"bytes", "path"}`` (the format of ``datasets``), a
            Pillow image, or rows of numbers from 0 to 255, [height, width] or [height, width, 3].
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
        picture = image.open()
        shown = eight_bit(upright(picture))
    except Exception as error:  # Pillow raises many types; each means that this is not a readable image
        raise DataError(
            f"{field!r} cannot be read as an image ({_reason(error, image)}).",
            where=str(source),
            fix="Use a PNG, a JPEG or another format that Pillow opens, or remove the record.",
        ) from error
    frames = 1 if picture.format in _SIDE_BY_SIDE else getattr(picture, "n_frames", 1)
    return replace(image, size=shown.size, frames=frames)


def _reason(error: Exception, image: Image) -> str:
    """Why Pillow cannot read an image, without its name for bytes in memory."""
    if image.key == _key(b""):
        return "the file is empty"
    first = next(iter(str(error).splitlines()), "") or type(error).__name__
    return first.split(" <_io.BytesIO")[0][:200]


def _image(value: Any, field: str, source: Source) -> Image:
    if isinstance(value, str | Path) and not _is_uri(value):
        return _of_file(Path(value), field, source)
    try:
        content = uri_bytes(value) if isinstance(value, str) else value if isinstance(value, bytes) else _encoded(value)
        if len(content) > BYTES:
            raise ValueError(f"more than {BYTES >> 20} MiB, the limit for an image")
    except ValueError as error:
        raise DataError(
            f"{field!r} is {type(value).__name__}, expected an image ({error}).",
            where=str(source),
            fix="Give a path, the bytes of an image file, a Pillow image, or rows of numbers from 0 to 255.",
        ) from error
    return Image(_key(content), data=content)


def _is_uri(value: Any) -> bool:
    return isinstance(value, str) and value[:5].lower() == "data:"


def _of_file(path: Path, field: str, source: Source) -> Image:
    try:
        return Image(_key(file_bytes(path)), place=path)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        address = any(part.lower() in ("http:", "https:") for part in path.parts)
        raise DataError(
            f"The file in {field!r} cannot be read ({getattr(error, 'strerror', None) or error}): {path}.",
            where=str(source),
            fix="An address is not fetched: download the image and name its file."
            if address
            else "Check the path; a relative path starts at the folder of the data file.",
        ) from error


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _encoded(value: Any) -> bytes:
    """The bytes of a PNG file from a Pillow image or from numbers from 0 to 255; ValueError for anything else."""
    from PIL import Image as Pillow

    if not isinstance(value, Pillow.Image):
        value = Pillow.fromarray(_pixels(value))
    value = upright(value)  # a PNG would lose the orientation
    if value.mode in ("I", "F"):
        value = eight_bit(value)
    elif value.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", *DEEP):
        value = value.convert("RGBA" if value.mode in ("PA", "La", "RGBa") else "RGB")
    file = io.BytesIO()
    value.save(file, format="PNG")
    return file.getvalue()


def _pixels(value: Any) -> Any:
    """Rows of numbers as an array of bytes, [height, width] or [height, width, 3 or 4]."""
    import numpy as np

    numbers = np.asarray(value)
    if numbers.dtype.kind not in "iuf" or not numbers.size:
        raise ValueError("no numbers" if numbers.size else "empty")
    if numbers.ndim != 2 and (numbers.ndim != 3 or numbers.shape[2] not in (3, 4)):
        raise ValueError(f"numbers of the shape {list(numbers.shape)}, not [height, width] or [height, width, 3]")
    least, most = numbers.min(), numbers.max()
    if not (least >= 0 and most <= 255):  # also for numbers that are not finite
        raise ValueError(f"numbers from {least:g} to {most:g}")
    if most <= 1 and (numbers != numbers.round()).any():  # another scale, on which the image would be black
        raise ValueError("numbers from 0 to 1, not from 0 to 255")
    return numbers.round().astype(np.uint8)


def located(row: dict[str, Any], folder: Path | None, source: Source | None = None) -> dict[str, Any]:
    """A row in which relative image paths are resolved against ``folder``.

    Args:
        row: field name to value.
        folder: the folder of the data; None if they have none, as those of the hub.
        source: file and line, for errors; None for rows in memory, whose paths are those of their program.

    Raises:
        DataError: a path leaves the folder, and outside files are not allowed (`outside_files`).

    Example:
        >>> located({"image": "a.png", "prompt": "a cat"}, Path("data"))["image"]
        'data/a.png'
    """
    if any(name in row for name in ("chosen", "completion", "messages")):
        return row  # the responses are texts; an image column is an extra field and stays as it is
    found = dict(row)
    for name in COLUMNS:
        value = row.get(name)
        rest = dict(value) if isinstance(value, Mapping) and value.get("bytes") is None else None
        path = value if rest is None else rest.get("path")
        if isinstance(path, str) and not _is_uri(path):
            placed = str((folder or Path()) / path if source is None else inside(path, name, folder, str(source)))
            found[name] = placed if rest is None else {**rest, "path": placed}
    return found
