"""Pixels are those that a viewer shows: orientation, transparency, depth, colours, and a stated rule for the size."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from penchant.feedback.pixels import Resize, as_shown, eight_bit, upright

# Red above, blue below.
FLAG = np.zeros((8, 8, 3), np.uint8)
FLAG[:4, :, 0] = FLAG[4:, :, 2] = 255


def shown(picture: Any, size: tuple[int, int] = (8, 8), **options: Any) -> np.ndarray:
    return np.asarray(as_shown(picture, size, **options), int)


# What a camera does for each orientation of EXIF; a viewer undoes it.
TURNED = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_90,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_the_orientation_of_exif_is_applied(orientation: int, kind: str) -> None:
    numbers = FLAG.copy()
    numbers[:4, :4] = (0, 255, 0)
    exif, file = Pillow.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    more: dict[str, Any] = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    Pillow.fromarray(numbers).transpose(TURNED[orientation]).save(file, kind, exif=exif, **more)
    opened = Pillow.open(file)
    assert np.abs(shown(opened) - numbers).max() < 40  # JPEG keeps colours nearly


def test_exif_data_that_cannot_be_read_leave_the_picture_as_it_is() -> None:
    file = io.BytesIO()
    Pillow.fromarray(FLAG).save(file, "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff")
    assert upright(Pillow.open(file)).size == (8, 8)


@pytest.mark.parametrize("hidden", [0, 77])
def test_what_lies_behind_transparency_is_the_background(hidden: int) -> None:
    numbers = np.full((8, 8, 4), hidden, np.uint8)
    numbers[..., 3] = 0
    numbers[2:6, 2:6] = (255, 0, 0, 255)
    found = shown(Pillow.fromarray(numbers))
    assert found[0, 0].tolist() == [255, 255, 255] and found[3, 3].tolist() == [255, 0, 0]
    assert shown(Pillow.fromarray(numbers), background="#102030")[0, 0].tolist() == [16, 32, 48]
    assert shown(Pillow.fromarray(numbers), grey=True)[0, 0] == 255
    half = Pillow.new("LA", (8, 8), (0, 51))
    assert shown(half)[0, 0].tolist() == [204, 204, 204]


def test_a_transparent_colour_is_transparency_too(tmp_path: Path) -> None:
    palette = Pillow.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.putpixel((0, 0), 0)
    palette.save(tmp_path / "a.gif", transparency=0)
    Pillow.fromarray(FLAG).save(tmp_path / "a.png", transparency=(255, 0, 0))
    for name, below in (("a.gif", [255, 0, 0]), ("a.png", [0, 0, 255])):
        found = shown(Pillow.open(tmp_path / name))
        assert found[0, 0].tolist() == [255, 255, 255] and found[7, 7].tolist() == below


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind: str, tmp_path: Path) -> None:
    numbers = (np.arange(256).reshape(16, 16) * 257).astype(np.uint16)
    Pillow.fromarray(numbers).save(tmp_path / f"a.{kind}")
    found = shown(Pillow.open(tmp_path / f"a.{kind}"), (16, 16), grey=True)
    assert np.array_equal(found, np.arange(256).reshape(16, 16))


def test_numbers_of_another_range_are_no_pixels() -> None:
    assert np.asarray(eight_bit(Pillow.fromarray(np.full((2, 2), 200, np.int32)))).max() == 200
    assert np.asarray(eight_bit(Pillow.fromarray(np.full((2, 2), 65535, np.int32)))).max() == 255
    for numbers in (np.full((2, 2), 70000, np.int32), np.full((2, 2), -1, np.int32), np.ones((2, 2), np.float32)):
        with pytest.raises(ValueError, match="its pixels are"):
            eight_bit(Pillow.fromarray(numbers))


@pytest.mark.parametrize("mode", ["CMYK", "P", "YCbCr", "HSV"])
def test_colours_of_every_mode_become_those_of_the_model(mode: str) -> None:
    assert np.abs(shown(Pillow.fromarray(FLAG).convert(mode)) - FLAG).max() <= 3


def test_another_size_is_reached_by_the_stated_rule() -> None:
    wide = Pillow.fromarray(np.concatenate([np.zeros_like(FLAG), FLAG, np.zeros_like(FLAG)], axis=1))
    found: dict[Resize, np.ndarray] = {rule: shown(wide, rule=rule) for rule in ("crop", "stretch", "pad")}
    assert np.array_equal(found["crop"], FLAG)
    assert np.abs(found["stretch"][0, [0, 7]]).max() < 60 < found["stretch"][0, 4, 0]
    assert (found["pad"][[0, 7]] == 255).all() and found["pad"][4, 0].tolist() == [0, 0, 0]
    assert shown(wide, rule="pad", background="black")[0, 0].tolist() == [0, 0, 0]


def test_a_palette_is_scaled_as_colours_and_not_as_numbers() -> None:
    """Between the colours 0 and 2 of a palette does not lie its colour 1."""
    striped = Pillow.fromarray(np.tile(np.array([0, 2], np.uint8), (8, 4))).convert("P")
    striped.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    assert shown(striped, (4, 4), rule="stretch")[..., 1].max() < 20
