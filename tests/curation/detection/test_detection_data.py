"""Mixed texts and replayed rewards: from texts of machines and people to what a detector learns from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.cli.app import main
from penchant.curation.detection.mixed_texts import MixedTexts, ask_for_sentences, mixed_texts, sentences_of
from penchant.curation.detection.replayed import Replay
from penchant.errors import ConfigurationError, DataError, PenchantError
from penchant.feedback import read

TEXTS = [
    {"prompt": "Tea?", "chosen": "Certainly. Tea is good.", "rejected": "Yes. I like it!\nDo you? Say so."},
    {"prompt": "Milk?", "chosen": "No, thank you.", "rejected": "no"},
    {"prompt": "Sugar?", "chosen": "Two, please.", "rejected": "Two. Or three."},
]
OLD = [{"prompt": f"{n} + {n}", "chosen": str(2 * n), "rejected": "0", "answer": str(2 * n)} for n in (1, 2)]


def file(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@given(st.text(alphabet="a.!? \n", max_size=30))
def test_the_sentences_of_a_text_are_the_text(text: str) -> None:
    assert "".join(sentences_of(text)).replace("\n", " ").split() == text.replace("\n", " ").split()


def test_half_of_the_sentences_are_asked_for_and_come_back_in_their_places() -> None:
    asked = ask_for_sentences(read(TEXTS))
    rows = list(asked.rows)
    assert [row["record"] for row in rows] == [1, 1, 3] and asked.counts["not asked: a text of one sentence"] == 1
    assert rows == list(ask_for_sentences(read(TEXTS)).rows) and "{sentence}" not in rows[0]["prompt"]
    answers = [{**row, "response": f"<{row['sentence']}>"} for row in rows]
    built = mixed_texts(read(TEXTS), answers)
    parts = [sentences_of(TEXTS[at]["rejected"]) for at in (0, 2)]
    for row, own, number in zip(built.rows, parts, (1, 3), strict=True):
        places = [each["sentence"] for each in rows if each["record"] == number]
        for place in places:
            own[place] = own[place].replace(own[place].strip(), f"<{place}>")
        assert row["mixed"] == "".join(own).strip() and 0 < len(places) < len(own)
    assert built.counts["dropped: no sentence is rewritten"] == 1 and built.counts["rows with a mixed text"] == 2


def test_answers_that_change_nothing_are_no_mixture() -> None:
    rows = list(ask_for_sentences(read(TEXTS[:1])).rows)
    old = sentences_of(TEXTS[0]["rejected"])
    for said in ("", old[rows[0]["sentence"]].strip()):
        answers = [{**rows[0], "samples": [said]}]
        assert not mixed_texts(read(TEXTS[:1]), answers).rows


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"record": 1, "sentence": 9, "response": "x"}, "answer to sentence 9, and the text has 4"),
        ({"record": 7, "sentence": 0, "response": "x"}, "answer to record 7, which the file does not have"),
        ({"record": 1, "response": "x"}, "says not which sentence"),
        ({"record": 1, "sentence": 0}, "no text in the column 'response'.*--column"),
    ],
)
def test_answers_to_something_else_are_named(answer: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        mixed_texts(read(TEXTS), [answer])


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"no rewritten sentences.*--ask.*--answers"):
        MixedTexts().build(read(TEXTS))
    with pytest.raises(ConfigurationError, match=r"no '\{sentence\}'"):
        ask_for_sentences(read(TEXTS), template="Rewrite it.")


def test_texts_of_the_reward_model_stand_beside_every_record(tmp_path: Path) -> None:
    old = str(file(tmp_path / "old.jsonl", OLD))
    built = Replay(preferences=old, judge="verifier,rule=exact").build(read(TEXTS))
    rows = list(built.rows)
    right = {(row["prompt"], row["chosen"]) for row in OLD}
    for row in rows:
        assert row["replay_score"] == float((row["replay_prompt"], row["replay"]) in right)
    assert {row["replay_prompt"] for row in rows} == {"1 + 1", "2 + 2"} and rows[0]["replay"] == rows[2]["replay"]
    with pytest.raises(DataError, match="has no response that could be replayed"):
        Replay(preferences=str(file(tmp_path / "p.jsonl", [{"prompt": "a"}])), judge="verifier,rule=exact").build(
            read(TEXTS)
        )
    with pytest.raises(PenchantError, match="'none' scores nothing"):
        Replay(preferences=old, judge="none").build(read(TEXTS))


def test_the_commands_of_the_page_lead_to_what_remodetect_reads(tmp_path: Path) -> None:
    texts, old = file(tmp_path / "texts.jsonl", TEXTS), file(tmp_path / "old.jsonl", OLD)
    places = {name: str(tmp_path / f"{name}.jsonl") for name in ("asked", "answers", "mixed", "triples")}
    build = ["data", "build"]
    assert main([*build, "mixed-texts", str(texts), "-o", places["asked"], "--ask"]) == 0
    rows = [
        {**row, "response": "Other words."} for row in map(json.loads, Path(places["asked"]).read_text().splitlines())
    ]
    file(Path(places["answers"]), rows)
    assert main([*build, "mixed-texts", str(texts), "-o", places["mixed"], "--answers", places["answers"]]) == 0
    line = [*build, "replay", places["mixed"], "-o", places["triples"], "--preferences", str(old)]
    assert main([*line, "--judge", "verifier,rule=exact"]) == 0
    from penchant.feedback.views.view import view_texts

    for record in read(places["triples"]):
        assert view_texts("mixed", record) and view_texts("replay", record)
        assert isinstance(record.fields["replay_score"], float)
