"""Image records: every accepted type of value, relative paths, and errors that name the record."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

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


def one(value: object) -> Any:
    """The image of one record in memory."""
    (record,) = read([{"prompt": "0", "image": value}])
    return record.completion  # type: ignore[attr-defined]


def lines(folder: Path, *rows: dict[str, object]) -> Path:
    """A file of records."""
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "a.jsonl"


def test_a_path_of_a_file_stays_in_its_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "data", tmp_path / "secret.png"
    (inside / "images").mkdir(parents=True)
    Pillow.new("L", (2, 2)).save(outside)
    Pillow.new("L", (2, 2)).save(inside / "images" / "a.png")
    for path in ("../secret.png", "images/../../secret.png", {"path": "../secret.png", "bytes": None}):
        with pytest.raises(DataError, match=r"a.jsonl:1: The path in 'image' leaves the folder .*\.\./secret.png"):
            read(lines(inside, {"prompt": "0", "image": path}))
    for path in ("images/../images/a.png", {"path": "images/a.png"}, str(inside / "images" / "a.png")):
        assert len(read(lines(inside, {"prompt": "0", "image": path}))) == 1
    assert len(read([{"prompt": "0", "image": f"{inside}/../secret.png"}])) == 1  # a program's own path


def test_what_is_no_file_of_pixels_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"prompt": "0", "rejected_image": "good.png"}
    Pillow.fromarray(image_pairs(1)[0]["chosen_image"].astype(np.uint8)).save(tmp_path / "good.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:50])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    started = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "script.png").write_text(started)
    monkeypatch.setattr("subprocess.check_call", lambda *_given, **_more: pytest.fail("a program was started"))
    monkeypatch.setattr("subprocess.Popen", lambda *_given, **_more: pytest.fail("a program was started"))
    cases: list[tuple[object, str]] = [
        ("torn.png", "cannot be read as an image"),
        ("empty.png", r"cannot be read as an image \(the file is empty\)"),
        ("folder.png", "cannot be read .it is a folder"),
        ("pipe.png", "cannot be read .it is a pipe"),
        ("script.png", "cannot identify image file"),
        (None, "is null, expected an image"),
        ([[]], "is list, expected an image"),
        ([], "is list, expected an image .empty"),
        ([[[0, 1]]], r"expected an image .numbers of the shape \[1, 1, 2\]"),
        ([[0.1, 0.9], [0.2, 0.3]], "expected an image .numbers from 0 to 1, not"),
        ([[float("nan"), 9.0]], "expected an image .numbers from nan"),
        ("", "cannot be read .it is a folder"),
    ]
    for value, said in cases:
        with pytest.raises(DataError, match=f"a.jsonl:2: .*'chosen_image' .*{said}"):
            read(lines(tmp_path, {**good, "chosen_image": [[0, 255]]}, {**good, "chosen_image": value}))


def test_pictures_in_memory_keep_what_a_viewer_shows() -> None:
    numbers = np.arange(64, dtype=np.uint8).reshape(8, 8)
    lying, data = io.BytesIO(), Pillow.fromarray(numbers)
    orientation = Pillow.Exif()
    orientation[0x0112] = 6
    data.transpose(Pillow.Transpose.ROTATE_90).save(lying, "PNG", exif=orientation)
    opened = Pillow.open(lying)
    assert np.array_equal(np.asarray(one(opened).open()), numbers)
    for mode in ("CMYK", "YCbCr", "HSV", "LAB"):
        assert one(Pillow.new("RGB", (2, 2), (250, 5, 5)).convert(mode) if mode != "LAB" else Pillow.new(mode, (2, 2)))
    assert np.array_equal(np.asarray(one(Pillow.fromarray(numbers.astype(np.int32))).open()), numbers)
    with pytest.raises(DataError, match=r"'image' is Image, expected an image .*floating-point"):
        one(Pillow.fromarray(np.ones((2, 2), np.float32)))


def test_size_and_frames_are_known_when_an_image_is_read() -> None:
    frames, file = [Pillow.new("RGB", (3, 2), colour) for colour in ("red", "green", "blue")], io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    image = one(file.getvalue())
    assert (image.size, image.frames) == ((3, 2), 3)
    assert (one([[1, 2, 3]]).size, one([[1, 2, 3]]).frames) == ((3, 1), 1)
