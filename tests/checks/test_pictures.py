"""Checks of images say how many there are, their sizes, and what is left out of them; images have no words."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pillow

from penchant.checks.doctor import examine
from penchant.feedback import read
from small_images import image_pairs


def test_images_are_counted_by_size_and_frames() -> None:
    frames, file = [Pillow.new("RGB", (9, 8), colour) for colour in ("red", "blue")], io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    rows = [*image_pairs(2), {"prompt": "0", "chosen_image": file.getvalue(), "rejected_image": np.zeros((8, 8))}]
    found = examine(read(rows), None)
    checks = {check.name: check for check in found.checks}
    assert (checks["images"].value, checks["images"].detail) == ("6 distinct", "8 x 8: 5, 9 x 8: 1.")
    several = checks["images with several frames"]
    assert (several.value, several.verdict) == ("1 (16.7 %)", "note")
    assert set(found.lengths) == {"prompt"} and "better response is longer" not in checks


def test_judged_images_have_no_length_either() -> None:
    rows = [{"prompt": "0", "image": np.full((8, 8), n), "label": n > 1} for n in range(4)]
    assert "images" in {check.name for check in examine(read(rows), None).checks}


def test_texts_have_no_checks_of_images() -> None:
    found = examine(read([{"prompt": "a", "chosen": "b c", "rejected": "d"}] * 2), None)
    assert "images" not in {check.name for check in found.checks} and set(found.lengths) > {"chosen", "rejected"}
