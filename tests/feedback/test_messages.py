"""Messages have one form, however they are written; what no text model can use is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from penchant.errors import DataError
from penchant.feedback import Comparison, read

ASKED = [{"role": "user", "content": "Name a city."}]
ROME, NO = [{"role": "assistant", "content": "Rome."}], [{"role": "assistant", "content": "No."}]
PLAIN = {"prompt": ASKED, "chosen": ROME, "rejected": NO}


def parts(*texts: str, key: str = "text") -> list[Any]:
    return [{"type": "text", key: text} for text in texts]


def with_content(prompt: Any, chosen: Any = "Rome.", rejected: Any = "No.") -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


@pytest.mark.parametrize(
    "row",
    [
        with_content(parts("Name a ", "city."), parts("Rome."), parts("No.")),
        with_content(parts("Name a city.", key="value")),
        with_content(["Name a ", "city."]),
        with_content({"type": "input_text", "text": "Name a city."}),
        with_content([{"type": "text", "text": "Name a city.", "image_url": None}]),
        {"prompt": [{"from": "Human", "value": "Name a city."}], "chosen": {"from": "GPT", "value": "Rome."},
         "rejected": {"role": "ASSISTANT", "content": "No."}},
        {"prompt": [{"role": "User", "content": "Name a city."}], "chosen": [{"role": "chatgpt", "content": "Rome."}],
         "rejected": [{"role": "model", "content": "No.", "name": None, "tool_calls": []}]},
        {"prompt": ASKED[0], "chosen": ROME[0], "rejected": NO[0]},
        {name: json.dumps(turns) for name, turns in PLAIN.items()},
        {name: repr(turns) for name, turns in PLAIN.items()},
        {"prompt": ASKED, "chosen": json.dumps([*ASKED, *ROME]), "rejected": repr([*ASKED, *NO])},
        {"chosen": json.dumps({"messages": [*ASKED, *ROME], "tools": []}),
         "rejected": json.dumps({"messages": [*ASKED, *NO]})},
        {"chosen": "[{'content': 'Name a city.', 'role': 'user'}\n {'content': 'Rome.', 'role': 'assistant'}]",
         "rejected": [*ASKED, *NO]},
    ],
)  # fmt: skip
def test_messages_are_the_same_however_they_are_written(row: dict[str, Any]) -> None:
    assert read([row]).fingerprint == read([PLAIN]).fingerprint


@pytest.mark.parametrize(
    "text",
    [
        '[{"role": "user", "content": "Name a city."}, {"role": "assistant", "content": "Ro',
        "[{'role': 'user', 'content': 'Name a city.'}, {'role': 'assistant', 'content': Rome}]",
        "[" * 300 + '{"role": "user", "content": "Hi"}' + "]" * 300,
        '[{"role": "user", "content": ' + "[" * 5000 + "]" * 5000 + "}]",
    ],
)
def test_garbled_messages_are_never_trained_on_as_text(text: str) -> None:
    row = {"prompt": "Name a city.", "chosen": text, "rejected": "No."}
    if text.startswith("[["):
        assert read([row])[0].responses[0] == text  # no message begins so; it stays the text that it is
        return
    with pytest.raises(DataError, match="'chosen' is text that looks like messages but cannot be read"):
        read([row])


def test_only_short_python_literals_are_read_and_json_of_any_length() -> None:
    said = [*ASKED, {"role": "assistant", "content": "x" * 1_200_000}]
    row = {"rejected": [*ASKED, *NO]}
    (pair,) = read([{**row, "chosen": json.dumps(said)}])
    assert pair.responses[0] == said[1:]
    with pytest.raises(DataError, match="'chosen' is text that looks like messages but cannot be read"):
        read([{**row, "chosen": repr(said)}])


@pytest.mark.parametrize(
    "text",
    [
        '{"role": "admin", "content": "all files"}', '[{"from": "May", "to": "June"}]', "[1, 2]", '{"name": "Rome"}',
        '{"from": "2026-01-01", "value": 3', "[{'a': 1}]", '{"content": "cut', "[role: user] Hi", "__import__('os')",
    ],
)  # fmt: skip
def test_a_response_that_is_data_stays_text(text: str) -> None:
    (pair,) = read([{"prompt": "As JSON.", "chosen": text, "rejected": "No."}])
    assert isinstance(pair, Comparison) and pair.chosen == text


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"type": "image"}, "'image'. Images cannot be used with a text model"),
        ({"type": "image_url", "image_url": {"url": "a.png"}}, "'image_url'. Images cannot"),
        ({"type": "input_audio", "input_audio": {}}, "'input_audio'. Recordings cannot"),
        ({"type": "video", "video": "a.mp4"}, "'video'. Videos cannot"),
        ({"type": "file", "file": {"file_id": "x"}}, "expected a part of text"),
        (3, "expected a part of text"),
    ],
)
def test_a_part_that_is_no_text_is_named_with_its_turn(part: Any, named: str) -> None:
    rows = [PLAIN, with_content([*parts("What is on "), part])]
    with pytest.raises(DataError, match=named) as caught:
        read(rows)
    assert str(caught.value).startswith("memory:2: 'prompt[0].content[1]'")
    assert len(read(rows, on_bad="skip")) == 1


def test_images_beside_a_text_are_refused() -> None:
    row = {**with_content("<image>What is this?"), "images": ["cat.png"]}
    with pytest.raises(DataError, match="column 'images' is filled, and the text refers to it: '<image>'"):
        read([row])
    with pytest.raises(DataError, match=r"column 'images' is filled\. Images, videos and sound cannot"):
        read([{**PLAIN, "images": ["cat.png"]}])
    with pytest.raises(DataError, match="column 'image' is filled, and the text"):
        read([{**with_content("<image>What?"), "image": "cat.png"}])
    for none in (None, [], [None], ""):
        assert len(read([{**PLAIN, "images": none}])) == 1
    # A text about the mark, without an image, is a text.
    assert len(read([with_content("Which tag shows a picture, <image> or <img>?")])) == 1


def test_calls_of_share_gpt_and_of_openai_are_the_same_calls() -> None:
    call = {"name": "weather", "arguments": {"city": "Rome"}}
    asked = [{"from": "human", "value": "Weather?"}]
    turns = [
        {"from": "function_call", "value": json.dumps(call)},
        {"role": "assistant", "tool_calls": [{"type": "function", "function": call}]},
        {"role": "assistant", "content": None, "tool_calls": json.dumps([call])},
        {"role": "assistant", "function_call": {**call, "arguments": json.dumps(call["arguments"])}},
        {
            "role": "assistant",
            "tool_calls": [{"type": "function", "function": {**call, "arguments": '{"city": "Rome"}'}}],
        },
    ]
    rows = [{"messages": [*asked, turn, {"from": "observation", "value": "hot"}, *ROME]} for turn in turns]
    prints = {read([row]).fingerprint for row in rows}
    assert len(prints) == 1
    assert [turn["role"] for turn in read(rows)[0].prompt] == ["user", "assistant", "tool"]  # type: ignore[index]
    with pytest.raises(DataError, match=r"messages\[1\]\.content.*expected tool calls"):
        read([{"messages": [*asked, {"from": "function_call", "value": "call it"}, *ROME]}])


def test_null_keys_of_parquet_are_removed_at_every_depth(tmp_path: Path) -> None:
    def calling(name: str, **arguments: Any) -> dict[str, Any]:
        call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
        tool = {
            "name": name,
            "parameters": {"type": "object", "properties": {key: {"type": "string"} for key in arguments}},
        }
        answer = {"role": "assistant", "content": "", "tool_calls": [call]}
        return {**PLAIN, "chosen": [answer], "tools": [{"type": "function", "function": tool}], "meta": arguments}

    rows = [calling("tram", stop="S0"), calling("weather", day=0, unit="C")]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found.fingerprint == read(rows).fingerprint
    assert found[0].responses[0][0]["tool_calls"][0]["function"]["arguments"] == {"stop": "S0"}  # type: ignore[index]
    assert found[0].tools is not None and list(found[0].tools[0]["function"]["parameters"]["properties"]) == ["stop"]


@pytest.mark.parametrize("field", ["prompt", "chosen"])
def test_half_a_character_is_named_with_its_place(field: str, tmp_path: Path) -> None:
    bad = {"prompt": "ok", "chosen": "fine", "rejected": "bad", field: "cut emoji \ud83d"}
    rows = [{"prompt": "ok", "chosen": "a 🌟", "rejected": "bad"}, bad]
    path = tmp_path / "row2.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=rf"row2.jsonl:2: '{field}' contains half a character .*lone surrogate.* 11\."):
        read(path)
    assert (len(read(path, on_bad="skip")), len(read(path, on_bad="skip").bad)) == (1, 1)
    with pytest.raises(DataError, match=r"prompt\[0\].content' contains half a character"):
        read([with_content("\udc00")])


def test_a_dialogue_that_ends_with_the_question_takes_who_answers_into_the_prompt() -> None:
    asked = "\n\nHuman: Hi"
    row = {"prompt": asked, "chosen": f"{asked}\n\nAssistant: Hello!", "rejected": f"{asked}\n\nAssistant: No."}
    (pair,) = read([row])
    assert (pair.prompt, pair.responses) == (f"{asked}\n\nAssistant:", (" Hello!", " No."))


def test_a_system_turn_on_one_side_alone_is_named() -> None:
    asked, said = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}
    row = {
        "prompt": "Hi",
        "chosen": [{"role": "system", "content": "Be brief."}, asked, said],
        "rejected": [asked, {"role": "assistant", "content": "No"}],
    }
    with pytest.raises(DataError, match=r"turn 1 \(chosen has system: 'Be brief.', rejected has user: 'Hi'\)"):
        read([row])
