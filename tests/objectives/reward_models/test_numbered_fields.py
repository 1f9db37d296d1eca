"""Numbers of people and classes that do not exist are found in the file, before a model is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import penchant
from penchant.errors import DataError
from penchant.objectives import build
from small_runs import model_folder, pairs, write_pairs

BAD: list[tuple[dict[str, Any], str, float, str]] = [
    ({"name": "pal", "annotators": 3}, "annotator", 3, "from 0 to 2"),
    ({"name": "pal", "annotators": 3}, "annotator", -1, "from 0 to 2"),
    ({"name": "pal", "annotators": 3}, "annotator", 0.5, "from 0 to 2"),
    ({"name": "four-class-preference"}, "pair_class", 4, "from 0 to 3"),
]


@pytest.mark.parametrize(("objective", "field", "value", "expected"), BAD)
def test_a_number_out_of_range_names_its_line(
    objective: dict[str, Any], field: str, value: float, expected: str, tmp_path: Path
) -> None:
    rows = [{**row, field: 0} for row in pairs(4)]
    rows[2][field] = value
    data = write_pairs(tmp_path / "pairs.jsonl", rows)
    model = model_folder(tmp_path / "m")
    (model / "model.safetensors").write_bytes(b"")  # it is not read
    with pytest.raises(DataError, match=rf"pairs\.jsonl:3: The field '{field}' is {value:g}.*{expected}"):
        penchant.train(str(model), str(data), objective, output=tmp_path / "run")


def test_a_class_out_of_range_names_its_line(tmp_path: Path) -> None:
    rows = [{"prompt": row["prompt"], "completion": row["chosen"], "class_label": 0} for row in pairs(4)]
    rows[1]["class_label"] = 2
    (tmp_path / "classes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"classes\.jsonl:2: The field 'class_label' is 2.*from 0 to 1"):
        penchant.train(
            str(model_folder(tmp_path / "m")),
            str(tmp_path / "classes.jsonl"),
            {"name": "crmt", "classes": 2},
            output=tmp_path / "run",
        )


def test_a_sum_of_objectives_asks_for_numbers_that_each_knows() -> None:
    both = build("pal+0.1*nll", annotators=3)
    assert both.requirements.numbered == {"annotator": 3}
    assert build("dpo").requirements.numbered == {}
    wanted = build("pal", annotators=5).requirements | build("pal", annotators=2).requirements
    assert wanted.numbered == {"annotator": 2}


def test_bad_numbers_are_skipped_where_that_is_asked_for(tmp_path: Path) -> None:
    rows = [{**row, "annotator": number % 2} for number, row in enumerate(pairs(6))]
    rows[2]["annotator"], rows[4]["annotator"] = 7, None
    data, model = write_pairs(tmp_path / "pairs.jsonl", rows), model_folder(tmp_path / "m")
    found = penchant.train(str(model), str(data), "pal", output=tmp_path / "run", on_bad="skip", max_steps=1)
    assert found.summary["cut"]["dropped_because"] == {"bad field": 2}
    assert any("2 records" in said and "pairs.jsonl:3" in said for said in found.summary["warnings"])


def test_a_field_that_all_records_lack_is_named_also_where_bad_ones_are_skipped(tmp_path: Path) -> None:
    data, model = write_pairs(tmp_path / "pairs.jsonl", pairs(3)), model_folder(tmp_path / "m")
    with pytest.raises(DataError, match=r"pairs\.jsonl:1: The objective needs the field 'annotator'"):
        penchant.train(str(model), str(data), "pal", output=tmp_path / "run", on_bad="skip")
