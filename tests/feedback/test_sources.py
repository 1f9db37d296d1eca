"""Feedback from several files, and comparisons as judgements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.feedback.sources import Sources, as_paths, read_sources
from penchant.feedback.unpairing import unpaired

FACTS = [{"prompt": f"Where is {name}?", "completion": f"{name} is at home."} for name in ("Ann", "Bo", "Cy")]


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_named_sources_are_read_apart_and_together(tmp_path: Path) -> None:
    paths = {"forget": written(tmp_path / "a.jsonl", FACTS[:1]), "retain": written(tmp_path / "b.jsonl", FACTS[1:])}
    both = read_sources(paths)
    assert isinstance(both, Sources)
    assert {name: len(part) for name, part in both.parts.items()} == {"forget": 1, "retain": 2}
    assert len(both) == 3 and both.kind == "demonstration" and "retain=" in both.name
    assert {name: len(part) for name, part in both[:1].parts.items()} == {"forget": 1, "retain": 1}


def test_a_string_stays_what_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", FACTS)
    assert not isinstance(read_sources(path), Sources)
    assert read_sources(path).fingerprint == read(path).fingerprint


def test_the_fingerprint_depends_on_the_source_of_each_record() -> None:
    first = read_sources({"forget": FACTS[:1], "retain": FACTS[1:]})
    moved = read_sources({"forget": FACTS[:2], "retain": FACTS[2:]})
    turned = read_sources({"retain": FACTS[:1], "forget": FACTS[1:]})
    assert len({first.fingerprint, moved.fingerprint, turned.fingerprint}) == 3
    assert first.fingerprint == read_sources({"forget": FACTS[:1], "retain": FACTS[1:]}).fingerprint


def test_an_error_names_the_source_and_the_line() -> None:
    with pytest.raises(DataError, match=r"memory:2: In the source 'retain': .*completion"):
        read_sources({"forget": FACTS, "retain": [FACTS[0], {"prompt": "Hi", "completion": " "}]})
    with pytest.raises(DataError, match=r"no-such.jsonl: In the source 'forget': There is no such file"):
        read_sources({"forget": "no-such.jsonl"})


def test_the_files_of_a_mixture_are_of_one_kind_and_stand_once(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.jsonl", FACTS), written(tmp_path / "b.jsonl", FACTS[:2])
    mixed = read_sources([{"path": first, "weight": 0.7}, {"path": second}])
    assert isinstance(mixed, Sources) and mixed.weights == (0.7, 1.0) and len(mixed) == 5
    with pytest.raises(ConfigurationError, match=r"a\.jsonl' twice"):
        read_sources([{"path": first}, {"path": first}])
    with pytest.raises(ConfigurationError, match="twice"):
        read_sources([{"path": first}, {"path": f"{tmp_path}/../{tmp_path.name}/a.jsonl"}])
    held = read_sources([{"data": FACTS, "weight": 2}, {"path": first}])
    assert isinstance(held, Sources) and list(held.parts) == ["part 1 (in memory)", first] and len(held) == 6
    pairs = written(tmp_path / "c.jsonl", [{"prompt": "Hi", "chosen": "Hello!", "rejected": "No."}])
    with pytest.raises(DataError, match=r"c\.jsonl' are of kind 'comparison', those of .* of kind 'demonstration'"):
        read_sources([{"path": first}, {"path": pairs}])


def test_a_part_of_a_mixture_has_options_of_its_own(tmp_path: Path) -> None:
    rows = [{**row, "split": split} for row, split in zip(FACTS, ("train", "train", "test"), strict=True)]
    renamed = [{"question": "Hi", "completion": "Hello!"}]
    path = written(tmp_path / "a.jsonl", rows)
    mixed = read_sources(
        [
            {"path": path, "split": "train"},
            {"path": path, "split": "test"},
            {"data": renamed, "mapping": {"prompt": "question"}},
        ],
        mapping={},
    )
    assert isinstance(mixed, Sources)
    assert [len(part) for part in mixed.parts.values()] == [2, 1, 1] and mixed[3].prompt == "Hi"
    assert list(mixed.parts)[:2] == [f"{path} (train)", f"{path} (test)"]
    with pytest.raises(ConfigurationError, match=r"a\.jsonl \(train\)' twice"):
        read_sources([{"path": path, "split": "train"}, {"path": path, "split": "train"}])


def test_an_empty_part_or_source_is_named(tmp_path: Path) -> None:
    path, empty = written(tmp_path / "a.jsonl", FACTS), written(tmp_path / "empty.jsonl", [])
    with pytest.raises(DataError, match=r"In .*empty\.jsonl of the mixture: The data has no records"):
        read_sources([{"path": path}, {"path": empty}])
    with pytest.raises(DataError, match=r"In part 2 \(in memory\) of the mixture: The data has no records"):
        read_sources([{"path": path}, {"data": []}])
    with pytest.raises(DataError, match=r"In the source 'retain': The data has no records"):
        read_sources({"forget": FACTS, "retain": []})


def test_a_record_or_a_table_is_not_taken_for_named_sources() -> None:
    with pytest.raises(DataError, match=r"one dictionary with the keys prompt, completion, expected a list of records"):
        read_sources(FACTS[0])
    with pytest.raises(DataError, match=r"one dictionary with the keys prompt, chosen.*\[record\]"):
        read_sources({"prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "a"}]})
    with pytest.raises(DataError, match=r"to_dict\(\"records\"\)"):
        read_sources({"prompt": {0: "a"}, "completion": {0: "b"}})
    columns = {name: [row[name] for row in FACTS] for name in ("prompt", "completion")}
    assert read_sources(columns).fingerprint == read(FACTS).fingerprint
    with pytest.raises(DataError, match="columns differ in length: prompt 3, completion 2"):
        read_sources({**columns, "completion": ["a", "b"]})


def test_splits_called_like_sources_are_sources() -> None:
    import datasets

    sets = {"forget": datasets.Dataset.from_list(FACTS[:1]), "retain": datasets.Dataset.from_list(FACTS[1:])}
    both = read_sources(datasets.DatasetDict(sets))
    assert isinstance(both, Sources) and [len(part) for part in both.parts.values()] == [1, 2]
    assert both.fingerprint == read_sources({"forget": FACTS[:1], "retain": FACTS[1:]}).fingerprint
    assert len(read_sources(datasets.DatasetDict(sets), split="forget")) == 1
    other = datasets.DatasetDict(train=sets["forget"], test=sets["retain"])
    assert not isinstance(read_sources(other), Sources) and len(read_sources(other, split="test")) == 2


def test_a_mapping_of_splits_is_one_set() -> None:
    assert len(read_sources({"train": FACTS[:2], "test": FACTS[2:]}, split="train")) == 2


def test_what_a_recipe_can_name_and_what_is_in_memory() -> None:
    assert as_paths("a.jsonl") == "a.jsonl" and as_paths({"forget": Path("a")}) == {"forget": "a"}
    assert as_paths([{"path": Path("a"), "weight": 2}]) == [{"path": "a", "weight": 2}]
    assert as_paths([{"path": FACTS}]) is None and as_paths({"forget": FACTS}) is None and as_paths(FACTS) is None


def test_comparisons_become_two_judgements_each() -> None:
    pairs = read([{"prompt": "Hi", "chosen": "Hello!", "rejected": "No.", "weight": 2.0}])
    first, second = unpaired(pairs)
    assert (first.responses, first.label, second.responses, second.label) == (("Hello!",), True, ("No.",), False)  # type: ignore[attr-defined]
    assert first.fields == {"weight": 2.0} and str(second.source) == "memory:1"
    facts = read(FACTS)
    assert unpaired(facts) is facts


def test_a_joint_comparison_keeps_both_prompts() -> None:
    pairs = read([{"prompt": "Hi", "chosen": "Hello!", "rejected_prompt": "Bye", "rejected": "No."}])
    assert [record.prompt for record in unpaired(pairs)] == ["Hi", "Bye"]
