"""Readers: every format and layout gives the same records, and every bad record is reported."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.feedback import (
    Comparison,
    Demonstration,
    Feedback,
    JointComparison,
    Judgement,
    Prompt,
    Ranking,
    Source,
    read,
)

PAIRS = [{"prompt": f"Question {n}?", "chosen": f"Yes, {n}.", "rejected": "No."} for n in range(3)]
ASKED = [{"role": "user", "content": "Hi"}]
HELLO, NO = {"role": "assistant", "content": "Hello!"}, {"role": "assistant", "content": "No."}


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def test_every_format_gives_the_same_records(tmp_path: Path) -> None:
    import datasets

    write_lines(tmp_path / "a.jsonl", PAIRS)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    (tmp_path / "a.json").write_text(json.dumps(PAIRS))
    (tmp_path / "b.json").write_text(json.dumps({"version": 1, "data": PAIRS}))
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["prompt", "chosen", "rejected"])
        writer.writeheader()
        writer.writerows(PAIRS)
    data = datasets.Dataset.from_list(PAIRS)
    data.to_parquet(str(tmp_path / "a.parquet"))
    data.save_to_disk(str(tmp_path / "saved"))
    names = ["a.jsonl", "a.jsonl.gz", "a.json", "b.json", "a.csv", "a.parquet", "saved"]
    sources: list[Any] = [*(tmp_path / name for name in names), str(tmp_path / "a.jsonl"), data, PAIRS, iter(PAIRS)]
    found = [read(source) for source in sources]
    assert {feedback.kind for feedback in found} == {"comparison"}
    assert {len(feedback) for feedback in found} == {3}
    assert len({feedback.fingerprint for feedback in found}) == 1
    assert found[0].fingerprint != found[0][:2].fingerprint
    assert [str(record.source) for record in found[0]] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"]
    assert str(found[4][0].source) == "a.csv:2"


def test_splits_of_data_sets_and_of_rows(tmp_path: Path) -> None:
    import datasets

    data = datasets.DatasetDict(
        {"train": datasets.Dataset.from_list(PAIRS), "test": datasets.Dataset.from_list(PAIRS[:1])}
    )
    data.save_to_disk(str(tmp_path / "saved"))
    rows = [{**row, "split": "train"} for row in PAIRS] + [{**PAIRS[0], "split": "test"}]
    for source in (data, tmp_path / "saved", rows):
        assert len(read(source)) == 4
        assert [record.fields["split"] for record in read(source, split="test")] == ["test"]
        with pytest.raises(DataError, match=r"no split 'tset'.*Did you mean 'test'"):
            read(source, split="tset")
    with pytest.raises(DataError, match="No record has a column 'split'"):
        read(PAIRS, split="train")


def test_plain_layouts() -> None:
    (pair,) = read([{**PAIRS[0], "margin": 1, "score_chosen": 3.5, "annotator": "ann", "note": None}])
    assert isinstance(pair, Comparison)
    assert pair.fields == {"margin": 1.0, "chosen_score": 3.5, "annotator": "ann"}
    (judged,) = read([{"prompt": "Hi", "completion": "Hello!", "label": "false"}])
    assert isinstance(judged, Judgement) and judged.label is False
    (shown,) = read([{"prompt": "Hi", "completion": "Hello!"}])
    assert isinstance(shown, Demonstration) and shown.completion == "Hello!"
    (asked,) = read([{"prompt": "2 + 2 =", "answer": "4"}])
    assert isinstance(asked, Prompt) and asked.fields == {"answer": "4"}


def test_rankings() -> None:
    (scored,) = read([{"prompt": "Hi", "responses": ["a", "b"], "scores": [1, 0.5]}])
    assert isinstance(scored, Ranking) and (scored.completions, scored.scores, scored.ranks) == (
        ("a", "b"),
        (1.0, 0.5),
        None,
    )
    (ranked,) = read([{"prompt": "Hi", "completions": [[HELLO], [NO]], "ranks": [2, 1.0]}])
    assert isinstance(ranked, Ranking) and (ranked.ranks, ranked.scores) == ((2, 1), None)
    (judged,) = read(
        [{"prompt": "Hi", "responses": [{"text": "a", "correct": True, "model": "m"}, {"text": "b", "correct": False}]}]
    )
    assert isinstance(judged, Ranking) and judged.scores == (1.0, 0.0)
    assert judged.fields["completion_fields"] == [{"model": "m"}, {}]


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": [*ASKED, HELLO], "rejected": [*ASKED, NO]},
        {"prompt": ASKED, "chosen": [HELLO], "rejected": [NO]},
        {"prompt": ASKED, "chosen": [*ASKED, HELLO], "rejected": [*ASKED, NO]},
        {"prompt": "Hi", "chosen": [*ASKED, HELLO], "rejected": [*ASKED, NO]},
        {"prompt": "Hi", "chosen": [HELLO], "rejected": [NO]},
        {"chosen": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}], "rejected": [*ASKED, NO]},
    ],
)
def test_conversations_are_split_at_the_answer(row: dict[str, Any]) -> None:
    (pair,) = read([row])
    assert isinstance(pair, Comparison)
    assert (pair.prompt, pair.chosen, pair.rejected) == (ASKED, [HELLO], [NO])


def test_messages_with_a_prompt_and_texts_as_responses() -> None:
    (pair,) = read([{"prompt": ASKED, "chosen": "Hello!", "rejected": "No."}])
    assert isinstance(pair, Comparison) and (pair.prompt, pair.chosen) == (ASKED, "Hello!")
    (shown,) = read([{"messages": [*ASKED, HELLO]}])
    assert isinstance(shown, Demonstration) and (shown.prompt, shown.completion) == (ASKED, [HELLO])
    (judged,) = read([{"completion": [*ASKED, HELLO], "label": 1}])
    assert isinstance(judged, Judgement) and judged.completion == [HELLO]


def test_dialogues_in_texts_share_their_history() -> None:
    history = "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: How are you?\n\nAssistant:"
    (pair,) = read([{"chosen": f"{history} Well.", "rejected": f"{history} Ill."}])
    assert isinstance(pair, Comparison)
    assert (pair.prompt, pair.chosen, pair.rejected) == (history, " Well.", " Ill.")
    with pytest.raises(DataError, match="differ in turn 3"):
        read([{"chosen": f"{history} Well.", "rejected": history.replace("you", "they") + " Ill."}])


def test_cells_of_csv_hold_lists_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["q", "chosen", "rejected", "margin", "weight"])
        writer.writerow([json.dumps(ASKED), "two\nlines", "[1, 2]", "0.5", ""])
        writer.writerow(["Hi", "a", "", "1", "1"])
    feedback = read(path, mapping={"prompt": "q"}, on_bad="skip")
    (pair,) = feedback
    assert isinstance(pair, Comparison)
    assert (pair.prompt, pair.rejected, pair.fields) == (ASKED, "[1, 2]", {"margin": 0.5})
    assert str(feedback.bad[0]).startswith("a.csv:4: The response 'rejected' is empty")


def test_a_kind_can_be_asked_for() -> None:
    rows = [{"prompt": "Hi", "completion": "Hello!", "label": True}]
    assert read(rows, kind="demonstration").kind == "demonstration"
    assert read(PAIRS, kind="prompt").kind == "prompt"
    with pytest.raises(ConfigurationError, match="Did you mean 'comparison'"):
        read(rows, kind="comparisons")
    with pytest.raises(DataError, match="'chosen' is missing"):
        read([{"prompt": "Hi", "rejected": "No."}], kind="comparison")


HISTORY = [{"role": "user", "content": "Bye"}, HELLO]
BAD = {
    "missing field": ({"prompt": "Q", "rejected": "b"}, "'chosen' is missing.*Columns found: prompt, rejected"),
    "other name": (
        {"prompt": "Q", "better": "a", "rejected": "b"},
        "'chosen' is missing.*column 'better'.*--map chosen=better",
    ),
    "misspelled": ({"prompt": "Q", "chosne": "a", "rejected": "b"}, "Did you mean the column 'chosne'"),
    "null": (
        {"prompt": "Q", "chosen": None, "rejected": "b"},
        r"'chosen' is nothing \(null\), expected text or a list",
    ),
    "wrong type": ({"prompt": "Q", "chosen": 3, "rejected": "b"}, r"'chosen' is a number \(3\), expected text"),
    "null prompt": ({"prompt": None, "chosen": "a", "rejected": "b"}, r"'prompt' is nothing \(null\)"),
    "no messages": ({"prompt": [], "chosen": "a", "rejected": "b"}, "expected at least one message"),
    "not a message": (
        {"prompt": ["Q"], "chosen": "a", "rejected": "b"},
        r"'prompt\[0\]' is text \('Q'\), expected a message",
    ),
    "no role": ({"prompt": [{"content": "Q"}], "chosen": "a", "rejected": "b"}, r"'prompt\[0\].role' is nothing"),
    "no content": ({"prompt": [{"role": "user"}], "chosen": "a", "rejected": "b"}, r"'prompt\[0\].content' is nothing"),
    "empty": ({"prompt": "Q", "chosen": " \n", "rejected": "b"}, "'chosen' is empty.*white space.*empty answers"),
    "empty messages": (
        {"prompt": ASKED, "chosen": [{"role": "assistant", "content": ""}], "rejected": [NO]},
        "'chosen' is empty",
    ),
    "identical": ({"prompt": "Q", "chosen": "a", "rejected": "a"}, "identical.*loss cannot decrease"),
    "identical conversations": ({"chosen": [*ASKED, HELLO], "rejected": [*ASKED, HELLO]}, "identical"),
    "other history": (
        {"prompt": ASKED, "chosen": [*HISTORY], "rejected": [*ASKED, NO]},
        r"differ in turn 1 \(prompt has user: 'Hi', chosen has user: 'Bye'\)",
    ),
    "other text": (
        {"prompt": "Hey", "chosen": [*ASKED, HELLO], "rejected": [NO]},
        "'chosen' does not continue 'prompt'.*turn 1",
    ),
    "nothing shared": ({"chosen": [*ASKED, HELLO], "rejected": [*HISTORY]}, "differ in turn 1 .*'Hi'.*'Bye'"),
    "apart too early": (
        {"chosen": [*ASKED, HELLO, *ASKED, NO], "rejected": [*ASKED, HELLO, *HISTORY]},
        "differ in turn 3 .*before the answer",
    ),
    "goes on": (
        {"chosen": [*ASKED, HELLO], "rejected": [*ASKED, HELLO, *ASKED, NO]},
        r"differ in turn 3 \(chosen has nothing, rejected has user: 'Hi'\)",
    ),
    "speaks for the user": (
        {"prompt": ASKED, "chosen": [*ASKED, HELLO, *ASKED, NO], "rejected": [NO]},
        "'chosen' has a turn of 'user'",
    ),
    "mixed responses": (
        {"prompt": "Hi", "responses": ["a", [HELLO]], "scores": [1, 2]},
        "do not all answer the same history",
    ),
    "no dialogue": ({"chosen": "a", "rejected": "b"}, "no field 'prompt'.*--map prompt=COLUMN"),
    "two types": ({"chosen": [*ASKED, HELLO], "rejected": "b"}, "different types"),
    "repeats the prompt": ({"prompt": ASKED, "chosen": ASKED, "rejected": "b"}, "has no turn after it"),
    "ends with the user": ({"messages": ASKED}, "ends with a turn of 'user'.*--kind prompt"),
    "only an answer": ({"messages": [HELLO]}, "prompt is missing"),
    "label": (
        {"prompt": "Q", "completion": "a", "label": "maybe"},
        r"'label' is text \('maybe'\), expected true or false",
    ),
    "label null": ({"prompt": "Q", "completion": "a", "label": None}, r"'label' is nothing \(null\)"),
    "label 2": ({"prompt": "Q", "completion": "a", "label": 2}, r"'label' is a number \(2\)"),
    "counts": (
        {"prompt": "Q", "responses": ["a", "b"], "scores": [1]},
        "'scores' has 1 entries, but there are 2 completions",
    ),
    "no scores": ({"prompt": "Q", "responses": ["a", "b"]}, "'scores' is missing.*scores or ranks"),
    "one response": ({"prompt": "Q", "responses": ["a"], "scores": [1]}, "has 1 response.*at least 2"),
    "all the same": (
        {"prompt": "Q", "responses": ["a", "a"], "scores": [1, 2]},
        "All entries of 'responses' are identical",
    ),
    "score": (
        {"prompt": "Q", "responses": ["a", "b"], "scores": [1, "x"]},
        r"'scores\[1\]' is text \('x'\), expected a finite",
    ),
    "score missing": (
        {"prompt": "Q", "responses": [{"text": "a", "score": 1}, {"text": "b"}]},
        r"'scores\[1\]' is nothing",
    ),
    "rank": ({"prompt": "Q", "responses": ["a", "b"], "ranks": [1, 1.5]}, r"'ranks\[1\]'.*expected a whole number"),
    "margin": ({**PAIRS[0], "margin": float("nan")}, r"'margin' is a number \(nan\), expected a finite number"),
    "weight": ({**PAIRS[0], "weight": -1}, "'weight' is a number .*at least 0"),
    "probability": ({**PAIRS[0], "probability": 1.5}, "'probability' is a number .*from 0 to 1"),
    "score in quotes": ({**PAIRS[0], "chosen_score": "3"}, r"'chosen_score' is text .*without quotes"),
    "not an object": ([1, 2], r"is list '\[1, 2\]', expected an object"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_named_with_file_line_and_reason(case: str, tmp_path: Path) -> None:
    row, expected = BAD[case]
    kind = "prompt" if isinstance(row, list) else None
    good = {"prompt": "Good?"} if kind else GOOD_OF[_kind_of(row)]
    path = write_lines(tmp_path / "data.jsonl", [good, "", row, good, good])
    with pytest.raises(DataError, match=expected) as caught:
        read(path)
    assert str(caught.value).startswith("data.jsonl:3: ")
    assert "Checked 2 of 4 records" in str(caught.value) and "--on-bad skip" in str(caught.value)
    skipped = read(path, on_bad="skip")
    assert (len(skipped), len(skipped.bad)) == (3, 1)
    assert str(skipped.bad[0]).startswith("data.jsonl:3: ")
    with pytest.raises(DataError):
        read([row] if not isinstance(row, list) else write_lines(tmp_path / "bad.jsonl", [row]), on_bad="skip")


GOOD_OF = {
    "comparison": PAIRS[0],
    "judgement": {"prompt": "Q", "completion": "a", "label": True},
    "demonstration": {"messages": [*ASKED, HELLO]},
    "ranking": {"prompt": "Q", "responses": ["a", "b"], "scores": [1, 0]},
}


def _kind_of(row: dict[str, Any]) -> str:
    if "responses" in row:
        return "ranking"
    if "chosen" in row or "rejected" in row:
        return "comparison"
    return "judgement" if "label" in row else "demonstration"


def test_a_line_that_is_not_json(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [PAIRS[0], '{"prompt": "Q", chosen', PAIRS[1]])
    with pytest.raises(DataError, match=r"a.jsonl:2: The line is not JSON: .* at character 17.*Checked 2 of 3"):
        read(path)
    assert len(read(path, on_bad="skip")) == 2


def test_kinds_are_not_mixed() -> None:
    rows = [{"prompt": "Q", "completion": "a"}, *PAIRS]
    with pytest.raises(DataError, match=r"memory:1: .*looks like a demonstration.*kind 'comparison'.*one kind"):
        read(rows)
    assert len(read(rows, on_bad="skip")) == 3


def test_all_bad_is_an_error_even_when_skipping() -> None:
    rows = [{**row, "chosen": ""} for row in PAIRS]
    with pytest.raises(DataError, match=r"All 3 records are bad\. The first: memory:1: The response 'chosen' is empty"):
        read(rows, on_bad="skip")


def test_unknown_layout_names_the_columns_meant() -> None:
    with pytest.raises(DataError, match=r"Columns found: question, answer.*prompt=question.*completion=answer"):
        read([{"question": "Q", "answer": "a"}])
    assert (
        read([{"question": "Q", "answer": "a"}], mapping={"prompt": "question", "completion": "answer"}).kind
        == "demonstration"
    )


def test_mapping_to_a_column_that_is_not_there() -> None:
    with pytest.raises(DataError, match=r"chosen=bettr names the column 'bettr'.*Did you mean 'better'"):
        read([{"prompt": "Q", "better": "a", "rejected": "b"}], mapping={"chosen": "bettr"})
    rows = [{"prompt": "Q", "a": "1", "b": "2"}]
    (pair,) = read(rows, mapping={"chosen": "a", "rejected": "b"})
    assert isinstance(pair, Comparison) and pair.fields == {}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    write_lines(tmp_path / "pairs.jsonl", PAIRS)
    with pytest.raises(DataError, match=r"no such file.*Did you mean 'pairs.jsonl'"):
        read(tmp_path / "pair.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n\n")
    for name in ("empty.jsonl", "empty.json", "empty.csv"):
        (tmp_path / name).write_text("")
        with pytest.raises(DataError, match="has no records"):
            read(tmp_path / name)
    with pytest.raises(DataError, match="has no records"):
        read([])
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(DataError, match=r"'.txt' is not supported \(.jsonl"):
        read(tmp_path / "a.txt")
    (tmp_path / "a.json").write_text('[{"prompt": 1,}]')
    with pytest.raises(DataError, match=r"a.json:1: The file is not JSON.*name the file .jsonl"):
        read(tmp_path / "a.json")
    (tmp_path / "b.json").write_text('{"prompt": "Q"}')
    with pytest.raises(DataError, match="expected a list of objects"):
        read(tmp_path / "b.json")
    (tmp_path / "a.jsonl").write_bytes(b'{"prompt": "ok"}\n{"prompt": "\xe9"}\n')
    with pytest.raises(DataError, match=r"a.jsonl:2: .*not UTF-8.*0xe9"):
        read(tmp_path / "a.jsonl")
    for name in ("a.jsonl.gz", "a.parquet"):
        (tmp_path / name).write_bytes(b"neither")
        with pytest.raises(DataError, match=r"cannot be read|not Parquet"):
            read(tmp_path / name)
    with pytest.raises(DataError, match=r"not a saved data set \(it holds: .*pairs.jsonl|not a saved data set"):
        read(tmp_path)
    (tmp_path / "c.csv").write_text("prompt,chosen,rejected\nQ,a\nQ,a,b\n")
    with pytest.raises(DataError, match=r"c.csv:2: The row has 2 cells, but the header has 3 columns"):
        read(tmp_path / "c.csv")


def test_sources_that_are_no_feedback() -> None:
    with pytest.raises(DataError, match=r"no such file, and the hub has no data set.*If it is a file"):
        read("nobody/no-such-data-set")
    with pytest.raises(DataError, match="The data is int"):
        read(3)
    with pytest.raises(DataError, match="one dictionary"):
        read({"prompt": 1})
    with pytest.raises(DataError, match=r"memory:1: .*text \('hello'\), expected a dictionary"):
        read(["hello"])
    with pytest.raises(ConfigurationError, match="on_bad is 'ignore'"):
        read(PAIRS, on_bad="ignore")  # type: ignore[arg-type]


def test_slices_are_feedback() -> None:
    feedback = read(PAIRS)
    assert isinstance(feedback[1:], Feedback) and len(feedback[1:]) == 2 and feedback[1:].kind == "comparison"
    assert next(iter(feedback)) is feedback[0]


@pytest.mark.parametrize(
    ("name", "kind", "mapping", "count"),
    [
        ("hh_harmless", "comparison", {}, 1842),
        ("alpaca_eval_ranked", "ranking", {}, 620),
        ("gsm8k_solutions", "ranking", {}, 1058),
        ("mt_bench_scores", "demonstration", {}, 248),
        ("xstest_feedback", "judgement", {"completion": "response", "label": "safe_prompt"}, 1770),
        ("tofu_authors", "demonstration", {"prompt": "question", "completion": "answer"}, 3380),
        ("trait_statements", "comparison", {"chosen": "matching", "rejected": "not_matching"}, 8023),
    ],
)
def test_real_collections(shared: Path, name: str, kind: str, mapping: dict[str, str], count: int) -> None:
    feedback = read(shared / "data" / f"{name}.jsonl.gz", mapping=mapping)
    assert (feedback.kind, len(feedback), feedback.bad) == (kind, count, [])


JOINT = {"prompt": "Hi", "chosen": "Hello!", "rejected_prompt": "Bye", "rejected": "What?"}


def test_joint_comparisons_have_a_prompt_for_each_side() -> None:
    feedback = read([JOINT, {**JOINT, "margin": 2}])
    assert feedback.kind == "joint comparison"
    pair = feedback[1]
    assert isinstance(pair, JointComparison) and isinstance(pair, Comparison)
    assert (pair.answered, pair.responses, pair.fields) == (("Hi", "Bye"), ("Hello!", "What?"), {"margin": 2.0})
    named = {"chosen_prompt" if name == "prompt" else name: value for name, value in JOINT.items()}
    other = {**JOINT, "rejected_prompt": "No"}
    assert read([named]).fingerprint == read([JOINT]).fingerprint != read([other]).fingerprint
    (chat,) = read([{**JOINT, "chosen": [*ASKED, HELLO], "rejected_prompt": ASKED, "rejected": [NO]}])
    assert isinstance(chat, JointComparison)
    assert (chat.answered, chat.responses) == ((ASKED, ASKED), ([HELLO], [NO]))


def test_one_response_may_be_better_to_one_prompt_than_to_another_but_not_to_itself() -> None:
    (pair,) = read([{**JOINT, "rejected": "Hello!"}])
    assert pair.responses == ("Hello!", "Hello!")
    with pytest.raises(DataError, match="'chosen' and 'rejected' are identical"):
        read([{**JOINT, "rejected": "Hello!", "rejected_prompt": "Hi"}])


def test_among_joint_comparisons_one_prompt_is_two_equal_ones() -> None:
    for plain in (
        {"prompt": "Hi", "chosen": "Hello!", "rejected": "No."},
        {"chosen_prompt": "Hi", "chosen": "Hello!", "rejected": "No.", "rejected_prompt": None},
    ):
        feedback = read([JOINT, JOINT, plain])
        pair = feedback[2]
        assert isinstance(pair, JointComparison) and pair.answered == ("Hi", "Hi") and pair.fields == {}
    assert read([plain], kind="joint comparison")[0] == pair.__class__(**{**vars(pair), "source": Source("memory", 1)})
    with pytest.raises(DataError, match="looks like a joint comparison"):
        read([JOINT, PAIRS[0], PAIRS[1]])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": None}, "'prompt' is nothing"),
        ({"rejected_prompt": 3}, "'rejected_prompt' is a number"),
        ({"rejected": " "}, "'rejected' is empty"),
        ({"rejected": None}, "'rejected' is nothing"),
        ({"rejected": [ASKED[0], HELLO]}, "'rejected' does not continue 'prompt'"),
    ],
)
def test_what_is_wrong_with_a_joint_comparison_is_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        read([{**JOINT, **change}])
    with pytest.raises(DataError, match="The field 'prompt' is missing"):
        read([{name: value for name, value in JOINT.items() if name != "prompt"}])


def test_a_fingerprint_is_the_same_in_every_version() -> None:
    """Runs of earlier versions resume, and their caches are found, by this number."""
    found = read([{"prompt": "Hi", "chosen": "a", "rejected": "b"}]).fingerprint
    assert found == "7aa1d983a05afb7dfdc303d8b699c7b409dcaa66368449a6d3991e294774e1ec"


def test_a_kind_that_was_asked_for_is_not_blamed_on_other_records() -> None:
    ranked = {"prompt": "Hi", "completions": ["Hello!", "No."], "scores": [1, 0]}
    with pytest.raises(DataError, match=r"looks like a ranking .*'demonstration' was asked for.*Leave --kind"):
        read([ranked], kind="demonstration")
