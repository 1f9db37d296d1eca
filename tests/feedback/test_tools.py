"""Tools and template arguments of a row reach the record, and stay with it where records are rebuilt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penchant.curation.rows import as_row
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.unpairing import unpaired

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
PAIR = {"prompt": [{"role": "user", "content": "Hi"}], "chosen": "Hello!", "rejected": "No."}


@pytest.mark.parametrize(
    "tools",
    [
        [TOOL],
        json.dumps([TOOL]),
        str([TOOL]),
        TOOL,
        [json.dumps(TOOL)],
        [TOOL["function"]],
        json.dumps([TOOL["function"]]),
    ],
)
def test_tools_are_a_list_or_text_of_one(tools: Any) -> None:
    feedback = read([{**PAIR, "tools": tools}])
    assert feedback[0].tools == (TOOL,) and feedback[0].fields == {}
    assert feedback.fingerprint == read([{**PAIR, "tools": [TOOL]}]).fingerprint != read([PAIR]).fingerprint


@pytest.mark.parametrize("tools", [None, [], "", "[]", "null"])
def test_no_tools_are_no_tools(tools: Any) -> None:
    assert read([{**PAIR, "tools": tools}]).fingerprint == read([PAIR]).fingerprint


@pytest.mark.parametrize("tools", ["weather", "[{'name': weather}]", ["weather"], 3, [3]])
def test_tools_that_are_not_json_are_named_with_record_and_column(tools: Any) -> None:
    rows = [PAIR, {**PAIR, "tools": tools}]
    with pytest.raises(DataError, match=r"memory:2: 'tools(\[0\])?' is "):
        read(rows)
    assert len(read(rows, on_bad="skip")) == 1


@pytest.mark.parametrize("given", [{"enable_thinking": False, "date": None}, '{"enable_thinking": false}'])
def test_template_arguments_are_an_object_or_text_of_one(given: Any) -> None:
    assert read([{**PAIR, "chat_template_kwargs": given}])[0].template_arguments == {"enable_thinking": False}
    with pytest.raises(DataError, match=r"'chat_template_kwargs' is .*variables of the chat template"):
        read([{**PAIR, "chat_template_kwargs": "enable_thinking"}])


def test_rebuilt_records_keep_them() -> None:
    pairs = read([{**PAIR, "tools": [TOOL], "chat_template_kwargs": {"enable_thinking": False}}])
    for judged in unpaired(pairs):
        assert (judged.tools, judged.template_arguments) == ((TOOL,), {"enable_thinking": False})
    assert read([as_row(pairs[0])]).fingerprint == pairs.fingerprint
    joint = read([{**PAIR, "rejected_prompt": PAIR["prompt"], "tools": [TOOL]}], kind="joint comparison")
    assert joint[0].tools == (TOOL,)


def test_a_column_enable_thinking_is_a_template_argument() -> None:
    (record,) = read([{**PAIR, "enable_thinking": False}])
    assert record.template_arguments == {"enable_thinking": False} and "enable_thinking" not in record.fields
    (own,) = read([{**PAIR, "enable_thinking": False, "chat_template_kwargs": {"enable_thinking": True}}])
    assert own.template_arguments == {"enable_thinking": True}
