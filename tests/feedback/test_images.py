"""Image records: every accepted type of value, relative paths, and errors that name the record."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from penchant.errors import DataError
from penchant.feedback import read
from small_images import image_pairs, write_image_pairs


def test_every_form_of_an_image_says_the_same(tmp_path: Path) -> None:
    numbers = np.arange(64, dtype=np.uint8).reshape(8, 8)
    picture, file = Pillow.fromarray(numbers), io.BytesIO()
    picture.save(file, format="PNG")
    (tmp_path / "a.png").write_bytes(file.getvalue())
    forms = [picture, numbers, numbers.tolist(), file.getvalue(), {"bytes": file.getvalue(), "path": None}]
    forms += [str(tmp_path / "a.png"), {"bytes": None, "path": str(tmp_path / "a.png")}]
    feedback = read([{"prompt": "0", "image": form} for form in forms])
    assert feedback.kind == "demonstration" and len({record.completion.key for record in feedback}) == 1
    assert all(np.array_equal(np.asarray(record.completion.open()), numbers) for record in feedback)
    assert len({read([{"prompt": "0", "image": form}]).fingerprint for form in forms}) == 1


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    feedback = read(write_image_pairs(tmp_path / "data", 3))
    assert feedback.kind == "comparison" and len(feedback) == 3
    assert feedback[0].chosen.open().size == (8, 8)


def test_errors_of_bad_images_name_record_and_field(tmp_path: Path) -> None:
    good = image_pairs(1)[0]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    cases = [
        ({**good, "chosen_image": str(tmp_path / "absent.png")}, "The file in 'chosen_image' cannot be read"),
        ({**good, "rejected_image": str(broken)}, "'rejected_image' cannot be read as an image"),
        ({**good, "rejected_image": 7}, "'rejected_image' is int, expected an image"),
        ({**good, "rejected_image": good["chosen_image"]}, "are identical"),
        ({"prompt": "0", "chosen_image": good["chosen_image"]}, "'rejected_image' is missing"),
    ]
    for row, told in cases:
        with pytest.raises(DataError, match=f"memory:2.*{told}"):
            read([good, row])
    assert len(read([good, cases[0][0]], on_bad="skip").bad) == 1


def test_an_image_beside_a_text_is_an_extra(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"prompt": "p", "completion": "a cat", "image": "cat.png"}) + "\n")
    (record,) = read(path)
    assert record.completion == "a cat" and record.fields == {"image": "cat.png"}
