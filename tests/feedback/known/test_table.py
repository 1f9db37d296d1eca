"""Every layout of the table is recognised without flags, from every format, and read as the records that are meant."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from penchant.errors import ConfigurationError, DataError, MisreadError
from penchant.feedback import Feedback, Judgement, Ranking, read
from penchant.feedback.known.cells import opened
from penchant.feedback.known.pictures import PICTURES
from penchant.feedback.known.table import LAYOUTS, layout_of
from penchant.feedback.records import Comparison
from penchant.feedback.sources import read_sources

FILES = sorted((Path(__file__).parent.parent / "layouts").glob("*.json"))
CASES: dict[str, dict[str, Any]] = {
    name: case for file in FILES for name, case in json.loads(file.read_text(encoding="utf-8")).items()
}
# A list of texts in a cell of CSV may be a response, the JSON that was asked for, and stays text.
NOT_CSV = {"llama_factory_alpaca_two_outputs", "several_rejected", "reward_bench_2", "lima", "ultrachat"}


def assert_read(feedback: Feedback, case: dict[str, Any]) -> None:
    assert feedback.kind == case["kind"] and len(feedback) >= len(case["records"]) and not feedback.bad
    for record, expected in zip(feedback, case["records"], strict=False):
        for name, value in expected.items():
            found = getattr(record, name)
            assert (list(found) if isinstance(found, tuple) else found) == value, name


@pytest.mark.parametrize("name", CASES)
def test_a_layout_is_recognised_and_read(name: str) -> None:
    case = CASES[name]
    feedback = read(case["rows"], kind=case.get("ask"))
    assert_read(feedback, case)
    converted = layout_of(opened(case["rows"][0]))
    if "ask" in case:
        assert feedback.layout.startswith(case["layout"])
    elif converted is None:
        (layout,) = [each for each in LAYOUTS if each.name == case["layout"]]
        assert layout.matches is None, "A layout that is converted has to match its rows."
    else:
        assert converted.name == case["layout"]
        assert feedback.layout.startswith(converted.name) and converted.says.split("{")[0] in feedback.layout
    kinds = next(each.kind for each in LAYOUTS if each.name == case["layout"])
    assert case["kind"] in kinds.split(" or ")


@pytest.mark.parametrize("name", CASES)
def test_a_layout_is_the_same_in_json_lines_parquet_and_csv(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in case["rows"]), encoding="utf-8")
    found = read(lines, kind=case.get("ask"))
    assert_read(found, case)
    parquet.write_table(pyarrow.Table.from_pylist(case["rows"]), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", kind=case.get("ask")).fingerprint == found.fingerprint
    if name in NOT_CSV:
        return
    columns = list(dict.fromkeys(column for row in case["rows"] for column in row))
    for written, encode in (("json.csv", json.dumps), ("python.csv", repr)):
        with (tmp_path / written).open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            for row in case["rows"]:
                table.writerow(
                    {key: encode(cell) if isinstance(cell, list | dict) else cell for key, cell in row.items()}
                )
        read_back = read(tmp_path / written, kind=case.get("ask"))
        assert [(each.prompt, each.responses, each.tools) for each in read_back] == [
            (each.prompt, each.responses, each.tools) for each in found
        ]


#: Refused below, and images, whose cases are in `test_pictures.py`.
ELSEWHERE = {"stepwise supervision", *(layout.name for layout in PICTURES)}


def test_every_layout_of_the_table_has_a_case() -> None:
    names = [layout.name for layout in LAYOUTS]
    assert len(set(names)) == len(names)
    assert {case["layout"] for case in CASES.values()} == set(names) - ELSEWHERE


def test_steps_are_refused_with_the_reason() -> None:
    with pytest.raises(
        DataError, match=r"one for each of 2 steps: stepwise supervision.*no kind of feedback for steps"
    ):
        read([{"prompt": "9 - 4 + 1?", "completions": ["9 - 4 = 5", "5 + 1 = 7"], "labels": [True, False]}])


TIES: dict[str, dict[str, Any]] = {
    "winner": {"prompt": "Hi", "response_a": "Hello!", "response_b": "No.", "winner": "tie (bothbad)"},
    "mark": {"prompt": "Hi", "response_a": "a", "response_b": "b", "winner_model_a": 0, "winner_model_b": 0},
    "votes": {"prompt": "Hi", "response_a": "Hello!", "response_b": "No.", "votes_a": 2, "votes_b": 2},
    "WebGPT": {"question": "Hi", "answer_0": "Hello!", "answer_1": "No.", "score_0": 0, "score_1": 0.0},
    "HelpSteer": {"prompt": "Hi", "response_1": "Hello!", "response_2": "No.", "preference_strength": 0},
}


@pytest.mark.parametrize("name", TIES)
def test_a_tie_is_a_pair_of_probability_one_half(name: str) -> None:
    row = TIES[name]
    (found,) = read([row], ties="keep")
    assert isinstance(found, Comparison) and found.tie
    assert set(found.responses) == {each for each in row.values() if each in ("Hello!", "No.", "a", "b")}
    with pytest.raises(DataError, match=r"All 1 comparisons are ties: neither response is preferred.*bt-ties"):
        read([row])


def test_ties_among_pairs_are_left_out_and_counted() -> None:
    good = {**TIES["winner"], "winner": "b"}
    feedback = read([good, TIES["winner"], good])
    assert [record.responses for record in feedback] == [("No.", "Hello!")] * 2
    assert feedback.ties == 1 and not feedback.bad
    both = read_sources({"one": [good, TIES["winner"]], "two": [good]}, ties="keep")
    assert (len(both), both.ties, len(read_sources(both)), read_sources(both).ties) == (3, 0, 2, 1)


def test_an_id_that_names_neither_response_is_no_tie() -> None:
    row = {"prompt": "Hi", "response_0": "a", "response_1": "b", "better_response_id": 2}
    with pytest.raises(DataError, match=r"'better_response_id' is a number \(2\), expected 0 or 1"):
        read([row], ties="keep")


@pytest.mark.parametrize(
    ("row", "mark", "others"),
    [
        ({"prompt": "Hi", "response_1": "a", "response_2": "b"}, "label", (1, 0)),
        ({"prompt": "Hi", "answer_1": "a", "answer_2": "b"}, "preference", (1, -1)),
        ({"prompt": "Hi", "response_0": "a", "response_1": "b"}, "better_response_id", (1, 2)),
    ],
)
def test_a_mark_that_counts_from_another_number_than_the_columns_is_never_skipped(
    row: dict[str, Any], mark: str, others: tuple[int, int]
) -> None:
    rows = [{**row, mark: other} for other in others]
    assert len(read(rows[:1])) == 1
    with pytest.raises(MisreadError, match=rf"memory:2: {mark!r} is a number \({others[1]}\)"):
        read(rows, on_bad="skip")
    with pytest.raises(DataError, match=r"If .* counts from|read the wrong way round"):
        read(rows)


@pytest.mark.parametrize(
    "system",
    [[{"text": "Be "}, {"text": "brief."}], {"role": "system", "parts": [{"text": "Be brief."}]}, ["Be brief."],
     '[{"text": "Be brief."}]', {"role": "system", "content": "Be brief."}],
)  # fmt: skip
def test_a_system_text_of_several_parts_is_not_left_out(system: Any) -> None:
    (shown,) = read([{"system": system, "prompt": "Hi", "completion": "Hello!"}])
    assert shown.prompt == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert "system" not in shown.fields


def test_a_system_column_that_is_no_text_stays_a_column() -> None:
    (shown,) = read([{"system": [{"text": 3}], "prompt": "Hi", "completion": "Hello!"}])
    assert shown.prompt == "Hi" and shown.fields["system"] == [{"text": 3}]


def test_texts_in_turn_beside_an_answer_are_no_whole_conversation() -> None:
    with pytest.raises(DataError, match="layout is not recognised"):
        read([{"dialogue": ["Hi", "Hello!"], "answer": "Bye."}])


def test_an_unknown_way_with_ties_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"ties is 'drop'.*keep"):
        read([TIES["winner"]], ties="drop")  # type: ignore[arg-type]


def test_a_winner_that_names_neither_is_named() -> None:
    with pytest.raises(
        DataError, match=r"'winner' is text \('gpt'\), which names neither 'response_a' nor 'response_b'"
    ):
        read([{"prompt": "Hi", "response_a": "Hello!", "response_b": "No.", "winner": "gpt"}])


def test_a_winner_may_be_the_name_of_a_model() -> None:
    row = {"prompt": "Hi", "response_a": "No.", "response_b": "Hello!", "model_a": "old", "model_b": "new"}
    assert read([{**row, "winner": "new"}])[0].responses == ("Hello!", "No.")


@pytest.mark.parametrize(
    ("verdict", "answers"),
    [
        ("A>>B", ("Hello!", "No.")),
        ("[[B>A]]", ("No.", "Hello!")),
        ("a < b", ("No.", "Hello!")),
        ("A≻B", ("Hello!", "No.")),
    ],
)
def test_a_verdict_may_write_both_sides(verdict: str, answers: tuple[str, str]) -> None:
    row = {"prompt": "Hi", "response_a": "Hello!", "response_b": "No."}
    assert read([{**row, "winner": verdict}])[0].responses == answers
    assert read([{**row, "winner": verdict}, {**row, "winner": "A=B"}]).ties == 1
    for neither in ("C>D", "A>A"):
        with pytest.raises(DataError, match="names neither"):
            read([{**row, "winner": neither}])


def test_which_id_of_safe_rlhf_decides_can_be_chosen() -> None:
    rows = CASES["pku_safe_rlhf"]["rows"]
    assert read(rows)[0].responses == ("c d", "a b") and "better_response_id decides" in read(rows).layout
    assert read(rows, mapping={"better_response_id": "safer_response_id"})[0].responses == ("a b", "c d")


def test_several_columns_that_could_be_the_prompt_are_named_with_the_mapping_that_decides() -> None:
    row = {"question": "2 + 2?", "context": "A lesson.", "chosen": "4", "rejected": "5"}
    with pytest.raises(DataError, match=r"'question' and 'context'\. .*--map prompt=question, or --map prompt=context"):
        read([row])
    with pytest.raises(DataError) as refused:
        read([row])
    assert str(refused.value).count("--map") == 3 and "format" not in str(refused.value)
    assert read([row], mapping={"prompt": "question"})[0].prompt == "2 + 2?"
    assert read([{**row, "context": "2 + 2?"}])[0].prompt == "2 + 2?"


def test_prompts_with_what_a_verifier_needs_stay_prompts() -> None:
    for more in ({"answer": "4"}, {"answer": "4", "answer_format": "a number"}, {"solution": "4", "system_id": "x"}):
        assert read([{"prompt": "2 + 2?", **more}]).kind == "prompt"


def test_the_history_of_a_system_text_that_the_conversation_has_already_is_not_doubled() -> None:
    system = {"role": "system", "content": "Be brief."}
    turns = [system, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    (shown,) = read([{"system": "Be brief.", "messages": turns}])
    assert shown.prompt == turns[:2]
    with pytest.raises(DataError, match="two different system texts: 'system' and the first turn of 'messages'"):
        read([{"system": "Be long.", "messages": turns}])


def test_the_sentence_names_the_columns_of_the_prompt() -> None:
    pair = {"instruction": "Add.", "input": "1 + 1", "chosen": "2", "rejected": "3"}
    assert read([pair]).layout == "instruction and pair: the prompt is instruction and input"
    assert read([{**pair, "input": ""}]).layout == "instruction and pair: the prompt is instruction and input"
    assert read([{"system": "Be brief.", "prompt": "Hi", "chosen": "a", "rejected": "b"}]).layout == (
        "system opens the conversation"
    )


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"question": "Hi", "answer": "No.", "liked": "no"}, False),
        ({"prompt": "Hi", "response": "Hello!", "feedback": "thumbs_up"}, True),
        ({"instruction": "Hi", "output": "Hello!", "desirable": 1}, True),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "x"}], "thumbs_up": "0"}, False),
    ],
)
def test_a_label_under_another_name_is_a_label(row: dict[str, Any], label: bool) -> None:
    (judged,) = read([row])
    assert isinstance(judged, Judgement) and judged.label is label and judged.fields == {}


def test_a_grade_is_no_label() -> None:
    graded = read([{"prompt": "Hi", "response": "Hello!", "feedback": "1"}])
    assert graded.kind == "demonstration" and graded[0].fields == {"feedback": "1"}


@pytest.mark.parametrize("texts", ["answers", "outputs", "candidates", "generations", "responses"])
@pytest.mark.parametrize("values", ["scores", "ratings", "rewards", "votes"])
def test_lists_of_texts_and_of_numbers_are_a_ranking(texts: str, values: str) -> None:
    (ranked,) = read([{"question": "Hi", texts: ["Hello!", "No.", "Yo."], values: [1, None, 2]}])
    assert isinstance(ranked, Ranking) and ranked.completions == ("Hello!", "Yo.") and ranked.fields == {}
    assert ranked.scores == (1.0, 2.0)


def test_the_null_prompt_of_a_columnar_file_is_no_prompt() -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    other = [turns[0], {"role": "assistant", "content": "No."}]
    row = {"chosen": turns, "rejected": other}
    assert read([{**row, "prompt": None}]).fingerprint == read([row]).fingerprint


SYSTEM, HI = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}
HELLO, NO = {"role": "assistant", "content": "Hello!"}, {"role": "assistant", "content": "No."}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi", "chosen": [HELLO], "rejected": [NO]},
        {"prompt": [HI], "chosen": [HELLO], "rejected": [NO]},
        {"prompt": HI, "chosen": HELLO, "rejected": NO},
        {"prompt": "Hi", "chosen": [HI, HELLO], "rejected": [HI, NO]},
        {"prompt": [HI], "chosen": [HI, HELLO], "rejected": [NO]},
        {"chosen": [HI, HELLO], "rejected": [HI, NO]},
        {"messages": [HI], "chosen": HELLO, "rejected": NO},
        {"prompt": "Hi", "chosen": [SYSTEM, HI, HELLO], "rejected": [HI, NO]},
        {"prompt": "Hi", "chosen": [HELLO], "rejected": [NO], "rejected_prompt": "Hi"},
        {"prompt": [HI], "completions": [[HI, HELLO], [NO]], "scores": [1, 0]},
        {"prompt": "Hi", "completions": [[HELLO], [NO]], "scores": [1, 0]},
        {"messages": [HI, HELLO]},
        {"prompt": "Hi", "completion": [HELLO], "label": "yes"},
        {"prompt": "Hi"},
    ],
)
def test_a_system_text_opens_every_conversation_of_its_row_once(row: dict[str, Any]) -> None:
    (record,) = read([{**row, "system": "Be brief."}])
    assert all(prompt == [SYSTEM, HI] for prompt in (record.prompt, *record.answered))
    assert list(record.responses) == [[HELLO], [NO]][: len(record.responses)] and "system" not in record.fields


def test_a_system_text_that_has_no_place_stays_in_its_column() -> None:
    dialogue = "\n\nHuman: Hi\n\nAssistant:"
    found = read([{"system": "Be brief.", "chosen": f"{dialogue} Hello!", "rejected": f"{dialogue} No."}])
    assert (found[0].prompt, found[0].fields, found.layout) == (dialogue, {"system": "Be brief."}, "")


def test_one_system_text_makes_the_prompts_of_all_rows_conversations() -> None:
    rows = [{"prompt": "Hi", "completion": "Hello!", "system": text} for text in ("", None, "Be brief.")]
    assert [record.prompt for record in read([*rows, {"prompt": "Hi", "completion": "No."}])] == [
        [HI], [HI], [SYSTEM, HI], [HI],
    ]  # fmt: skip
    assert [record.prompt for record in read(rows[:2])] == ["Hi", "Hi"]


def test_an_empty_winner_is_a_bad_record() -> None:
    row = {"prompt": "Hi", "response_a": "Hello!", "response_b": "No.", "winner": None}
    with pytest.raises(DataError, match=r"memory:1: 'winner' is empty, so that neither response is preferred"):
        read([row, {**row, "winner": "a"}])
    assert len(read([row, {**row, "winner": "a"}], on_bad="skip").bad) == 1
    assert read([row], kind="prompt").kind == "prompt"


def test_a_turn_that_is_missing_in_an_arena_is_named() -> None:
    row = {"prompt": '["Hi", "Bye"]', "response_a": '["Hello!", "Bye."]', "response_b": '["No.", null]', "winner": "a"}
    with pytest.raises(DataError, match=r"'rejected\[3\]\.content' is nothing"):
        read([row])


def test_annotators_who_disagree_are_a_tie() -> None:
    row = {
        "prompt": "Hi",
        "response_a": "Hello!",
        "response_b": "No.",
        "winner.responses": ["response_a", "response_b"],
    }
    (record,) = read([row], ties="keep")
    assert isinstance(record, Comparison) and record.tie


def test_an_object_is_named_by_the_path_to_what_it_holds() -> None:
    row = {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "output": {"role": "assistant", "content": "a"}}
    with pytest.raises(DataError, match=r"--map prompt=input\.messages .*--map completion=output\.content "):
        read([row])
