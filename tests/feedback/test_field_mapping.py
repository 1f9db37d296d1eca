"""What a field may be read from: columns, paths, templates, constants; and the system turn."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback import Comparison, read
from penchant.feedback.nested import NestedColumn
from penchant.feedback.templates import ColumnTemplate, placeholders

ROW: dict[str, Any] = {"instruction": "Translate.", "input": "Good day", "chosen": "Bonjour", "rejected": "Hola"}


def template(text: str) -> ColumnTemplate:
    return ColumnTemplate(text, {name: NestedColumn(name) for name in placeholders(text)})


def mapped(mapping: dict[str, str], **more: Any) -> Comparison:
    (record,) = read([{**ROW, **more}], mapping=mapping)
    assert isinstance(record, Comparison)
    return record


@pytest.mark.parametrize(
    ("text", "row", "filled"),
    [
        ("{a}\n\n{b}", {"a": "one", "b": "two"}, "one\n\ntwo"),
        ("{a}\n\n{b}", {"a": "one", "b": ""}, "one"),
        ("{a}\n\n{b}", {"a": "one", "b": None}, "one"),
        ("{a}\n\n{b}", {"b": "two"}, "two"),
        ("{a}\n\n{b}", {"a": " ", "b": ""}, None),
        ("Context: {a}\n\nQuestion: {b}", {"a": "", "b": "two"}, "Question: two"),
        ("### Input:\n{a}\n\n### Response:\n", {"a": "one"}, "### Input:\none\n\n### Response:\n"),
        ("{b}\n\n### Input:\n{a}\n\n### Response:\n", {"b": "two"}, "two\n\n### Response:\n"),
        ("First: {a}\nSecond: {b}\nEnd", {"b": "two"}, "Second: two\nEnd"),
        ("{a} {b}", {"a": "one"}, "one"),
        ("{a} {b}", {"b": "two"}, "two"),
        ("{a} {b}!", {"a": "one"}, "one!"),
        ("\n\nHuman: {a}\n\nAssistant:", {"a": "one"}, "\n\nHuman: one\n\nAssistant:"),
        ("{{{a}}} {{b}}", {"a": "one"}, "{one} {b}"),
        ("{a}", {"a": "  kept \n\n as it is "}, "  kept \n\n as it is "),
        ("{a} of {b}", {"a": 1, "b": 2.5}, "1 of 2.5"),
    ],
)
def test_a_template_leaves_no_gap_where_a_column_is_empty(text: str, row: dict[str, Any], filled: str | None) -> None:
    assert template(text).value(row, "a.jsonl:1") == filled


def test_a_template_takes_texts_only() -> None:
    with pytest.raises(DataError, match=r"a.jsonl:3: .*'a', which is a list.*\{a.KEY\}"):
        template("{a}").value({"a": [{"role": "user", "content": "Hi"}]}, "a.jsonl:3")


def test_a_template_over_columns() -> None:
    record = mapped({"prompt": "{instruction}\n\n{input}"})
    assert record.prompt == "Translate.\n\nGood day" and record.fields == {}
    assert mapped({"prompt": "{instruction}\n\n{input}"}, input="").prompt == "Translate."
    with pytest.raises(DataError, match=r"'prompt' names the column 'inptu'.*Did you mean 'input'.*\{\{ and \}\}"):
        mapped({"prompt": "{instruction}\n\n{inptu}"})


def test_a_bad_value_in_a_template_is_an_error_of_its_record() -> None:
    rows = [ROW, {**ROW, "input": ["a", "list"]}]
    found = read(rows, mapping={"prompt": "{instruction} {input}"}, on_bad="skip")
    assert len(found) == 1 and "memory:2" in str(found.bad[0])


def test_a_path_into_nested_columns() -> None:
    turns = [{"role": "user", "content": "Hi"}]
    row = {"in.put": {"messages": turns, "tools": ["t"]}, "answers": [{"text": "Hello!"}, {"text": "What?"}]}
    mapping = {"prompt": "in.put.messages", "chosen": "answers.0.text", "rejected": "answers.1.text"}
    (record,) = read([row], mapping=mapping)
    assert isinstance(record, Comparison)
    assert (record.prompt, record.chosen, record.rejected) == (turns, "Hello!", "What?")
    # What else is in the object is not lost.
    assert record.fields == {"in.put": {"tools": ["t"]}}
    with pytest.raises(DataError, match=r"in.put.mesages is a path that no record has.*mean 'in.put.messages'"):
        read([row], mapping={**mapping, "prompt": "in.put.mesages"})
    assert read([row], mapping={"prompt": "{answers.0.text}: {answers.1.text}"})[0].prompt == "Hello!: What?"


def test_a_path_opens_json_in_a_cell(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["input", "chosen", "rejected"])
        writer.writerow([json.dumps({"question": "2 + 2?"}), "4", "5"])
    assert read(tmp_path / "a.csv", mapping={"prompt": "input.question"})[0].prompt == "2 + 2?"


def test_a_constant() -> None:
    assert mapped({"prompt": "Say something in French."}).prompt == "Say something in French."
    assert mapped({"prompt": "'Speak'"}).prompt == "Speak" and mapped({"prompt": '"{x}"'}).prompt == "{x}"
    assert mapped({"prompt": "instruction", "weight": "'0.5'"}).fields["weight"] == 0.5
    with pytest.raises(DataError, match=r"prompt=Speak names the column 'Speak'.*in quotes"):
        mapped({"prompt": "Speak"})


def test_a_misspelt_column_with_a_space_is_no_constant() -> None:
    row = {"the question": "2 + 2?", "chosen": "4", "rejected": "5"}
    assert read([row], mapping={"prompt": "the question"})[0].prompt == "2 + 2?"
    with pytest.raises(DataError, match="Did you mean 'the question'"):
        read([row], mapping={"prompt": "the qestion"})


def test_two_fields_may_read_one_column() -> None:
    record = mapped({"prompt": "{instruction} {input}", "note": "input"})
    assert record.prompt == "Translate. Good day" and record.fields == {"note": "Good day"}


SYSTEM = {"role": "system", "content": "Be terse."}
ASKED, HELLO, NO = (
    {"role": role, "content": text} for role, text in (("user", "Hi"), ("assistant", "a"), ("assistant", "b"))
)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi", "chosen": "a", "rejected": "b"},
        {"prompt": [ASKED], "chosen": [HELLO], "rejected": [NO]},
        {"prompt": [ASKED], "chosen": [ASKED, HELLO], "rejected": [ASKED, NO]},
        {"prompt": "Hi", "chosen": [ASKED, HELLO], "rejected": [ASKED, NO]},
        {"chosen": [ASKED, HELLO], "rejected": [ASKED, NO]},
        {"prompt": [SYSTEM, ASKED], "chosen": "a", "rejected": "b"},
    ],
)
def test_system_is_the_first_turn(row: dict[str, Any]) -> None:
    (record,) = read([row], mapping={"system": "Be terse."})
    assert record.prompt == [SYSTEM, ASKED] and record.fields == {}
    (record,) = read([{**row, "persona": "Be terse."}], mapping={"system": "persona"})
    assert record.prompt == [SYSTEM, ASKED] and record.fields == {}


def test_an_empty_system_adds_nothing_and_another_is_an_error() -> None:
    row = {"prompt": "Hi", "chosen": "a", "rejected": "b"}
    assert read([{**row, "persona": " "}], mapping={"system": "persona"})[0].prompt == "Hi"
    with pytest.raises(DataError, match=r"memory:1: 'prompt' begins with .* text 'Be terse.'.*gives 'Be kind.'"):
        read([{**row, "prompt": [SYSTEM, ASKED]}], mapping={"system": "Be kind."})
    with pytest.raises(DataError, match="'system' is a number"):
        read([{**row, "persona": 3}], mapping={"system": "persona"})
