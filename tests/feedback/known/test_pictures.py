"""Two images of a prompt and a preference are a pair; more than two, or one a row, are an error with the steps."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image as Pillow

from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.records import Comparison


def png(level: int) -> bytes:
    file = io.BytesIO()
    Pillow.new("L", (4, 4), level).save(file, format="PNG")
    return file.getvalue()


def levels(pair: Any) -> list[int]:
    assert isinstance(pair, Comparison)
    return [each.open().getpixel((0, 0)) for each in (pair.chosen, pair.rejected)]


def picked(label: float | None, **more: Any) -> dict[str, Any]:
    return {"caption": "a cat", "jpg_0": png(10), "jpg_1": png(20), "label_0": label, "best_image_uid": "x", **more}


def test_pick_a_pic_is_read_by_its_label(tmp_path: Path) -> None:
    rows = [picked(1.0), picked(0.0), picked(0.5)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    for source in (rows, tmp_path / "a.parquet"):
        found = read(source, ties="keep")
        assert found.kind == "comparison" and found.layout.startswith("two images with labels: label_0 decides")
        assert [levels(each) for each in found] == [[10, 20], [20, 10], [10, 20]]
        assert found[0].prompt == "a cat" and found[2].fields["probability"] == 0.5
    assert read(rows).ties == 1


def test_a_pair_without_a_label_or_with_another_is_an_error() -> None:
    with pytest.raises(DataError, match="has no label"):
        read([picked(1.0, has_label=False)])
    with pytest.raises(DataError, match=r"expected 1, 0, or 0\.5"):
        read([picked(2.0)])


@pytest.mark.parametrize(
    ("columns", "order"),
    [
        ({"human_preference": [0, 1]}, [20, 10]),
        ({"human_preference": [1, 0]}, [10, 20]),
        ({"rank": [2, 1]}, [20, 10]),
        ({"ranking": [1, 2]}, [10, 20]),
    ],
    ids=str,
)
def test_a_list_of_two_images_is_a_pair(columns: dict[str, Any], order: list[int], tmp_path: Path) -> None:
    for level in (10, 20):
        (tmp_path / f"{level}.png").write_bytes(png(level))
    row = {"prompt": "a cat", "image_path": ["10.png", "20.png"], **columns}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    assert [levels(each) for each in read(tmp_path / "a.jsonl")] == [order]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"image_path": ["a.png", "b.png", "c.png"], "rank": [2, 1, 3]},
            "holds 3 images.*lowest rank against the high",
        ),
        ({"image_path": ["a.png", "b.png"], "human_preference": [1]}, "has 2 images and 'human_preference' 1 numbers"),
        (
            {"prompt_id": "1", "image_path": "a.png", "rank": 1},
            "one image with its rank.*Join the rows of each prompt_id",
        ),
    ],
    ids=str,
)
def test_what_is_no_pair_says_how_to_write_pairs(row: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read([{"prompt": "a cat", **row}])


def test_the_prompts_of_rows_of_images_can_still_be_read() -> None:
    row = {"prompt": "a cat", "prompt_id": "1", "image_path": "a.png", "rank": 1}
    assert [each.prompt for each in read([row], kind="prompt")] == ["a cat"]
