"""Columns that no field is read from: those that look like prompt, answer or pair are found, others are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from penchant.checks.doctor import examine
from penchant.checks.unused import PAIR_LIKE, UNUSED, unused_columns
from penchant.checks.words import count_words, words_of
from penchant.cli.app import app
from penchant.feedback import read
from small_runs import model_folder

PAIR = {"prompt": "Where is the port?", "chosen": "In the north of it.", "rejected": "I do not know that."}
LONG = "Many words that say what the model should know before it gives an answer to that. " * 3


def found(row: dict[str, Any], mapping: dict[str, str] | None = None, **options: Any) -> dict[str, tuple[str, str]]:
    checks = unused_columns(read([row], mapping=mapping, **options))
    assert all(check.verdict == "warning" for check in checks)
    return {check.name: (check.value, check.detail) for check in checks}


@pytest.mark.parametrize(
    ("columns", "option"),
    [
        ({"persona": "You are a pirate."}, "--map system=persona"),
        ({"context": "The port is north."}, r'--map prompt="{prompt}\n\n{context}"'),
        ({"source_text": LONG}, r'--map prompt="{prompt}\n\n{source_text}"'),
        ({"notes": LONG}, r'--map prompt="{prompt}\n\n{notes}"'),
        ({"extra": {"history": [["Hi", LONG]]}}, r'--map prompt="{prompt}\n\n{extra}"'),
        ({"chosen_reasoning": "It says that on the map."}, r'--map chosen="{chosen_reasoning}\n\n{chosen}"'),
        ({"reference_answer": "It is in the north."}, "--map chosen=reference_answer"),
    ],
)
def test_what_looks_like_prompt_or_answer_is_named_with_its_option(columns: dict[str, Any], option: str) -> None:
    (name,) = columns
    value, detail = found({**PAIR, **columns})[UNUSED]
    assert value == name and option in detail


def test_the_option_builds_on_what_is_mapped() -> None:
    row = {
        "question": "Where?",
        "facts": LONG,
        "hints": LONG[::-1],
        "chosen": "Here it is.",
        "rejected": "There it is.",
    }
    value, detail = found(row, {"prompt": "question"})[UNUSED]
    assert value == "facts, hints" and r'--map prompt="{question}\n\n{facts}"' in detail
    value, detail = found(row, {"prompt": "{question}\n\n{facts}"})[UNUSED]
    assert value == "hints" and r'--map prompt="{question}\n\n{facts}\n\n{hints}"' in detail
    # The option that the warning gives is the end of it.
    assert found(row, {"prompt": "{question}\n\n{facts}\n\n{hints}"}) == {}


def test_a_conversation_gets_it_as_a_system_turn() -> None:
    turns = [{"role": "user", "content": "Where is it?"}]
    assert "--map system=context" in found({**PAIR, "prompt": turns, "context": LONG})[UNUSED][1]


@pytest.mark.parametrize(
    "columns",
    [
        {"prompt_id": "a long id of the prompt", "model": "the name of a model", "source": LONG, "question_type": LONG},
        {"rationale": LONG, "annotator": "ann", "split": "train"},
        {"messages": [{"role": "user", "content": PAIR["prompt"]}, {"role": "assistant", "content": PAIR["chosen"]}]},
        {"question": PAIR["prompt"], "context": "", "system": None, "history": []},
        {"paraphrased_prompt": LONG, "rephrased_question": LONG},
        {"user": "7", "history": ["17", "b-2"], "target": "3"},
        {"topic": "ships"},
    ],
)
def test_what_says_nothing_new_or_something_else_is_no_finding(columns: dict[str, Any]) -> None:
    assert found({**PAIR, **columns}) == {}


def test_a_long_reference_is_not_said_to_belong_to_the_prompt() -> None:
    ranked = {"prompt": "2 + 2 = ?", "completions": ["4", "5"], "scores": [1, 0], "reference": LONG}
    assert "looks like an answer to compare with; if the model should read it: --map" in found(ranked)[UNUSED][1]


def test_prompts_keep_what_a_verifier_reads() -> None:
    assert found({"prompt": "2 + 2 = ?", "answer": "It is four, I think.", "solution": LONG}) == {}
    assert "--map completion=my_reply" in found({"prompt": "2 + 2 = ?", "my_reply": "It is four."})[UNUSED][1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("response_0", "response_1"), ("answer_a", "answer_b"), ("reply1", "reply2"),
        ("positive_reply", "negative_reply"),
        ("left", "right"), ("positive_text", "negative_text"), ("preferred_version", "non_preferred_version"),
    ],
)  # fmt: skip
def test_two_of_a_kind_beside_a_prompt_look_like_a_pair(one: str, other: str) -> None:
    row = {"prompt": "Where is the port?", one: "In the north of it.", other: "Nobody knows it.", "better_id": 0}
    value, detail = found(row)[PAIR_LIKE]
    assert value == f"{one}, {other}"
    assert f"--map chosen={one} --map rejected={other}" in detail and "better_id" in detail
    # Read as they are by decision.
    assert PAIR_LIKE not in found(row, kind="prompt")
    assert found(row, {"chosen": one, "rejected": other}) == {}


def test_one_side_of_a_pair_beside_a_response_looks_like_a_pair() -> None:
    row = {"prompt": "Hi", "completion": "Hello!", "rejected_response": "no"}
    assert found(row)[PAIR_LIKE][0] == "rejected_response"


def test_check_show_and_dry_run_say_it(tmp_path: Path) -> None:
    path, folder = tmp_path / "pairs.jsonl", model_folder(tmp_path / "model")
    rows = [{**PAIR, "prompt": f"{PAIR['prompt']} {at}", "context": LONG} for at in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = r'--map prompt="{prompt}\n\n{context}"'
    assert said in " ".join(check.detail for check in examine(read(path), None).checks)
    shown = CliRunner().invoke(app, ["data", "show", str(path), "--model", str(folder), "-n", "1"])
    assert shown.exit_code == 0 and said in shown.stderr
    words = ["train", "--model", str(folder), "--data", str(path), "--out", str(tmp_path / "run"), "--dry-run"]
    planned = CliRunner().invoke(app, words)
    assert planned.exit_code == 0 and said in " ".join(planned.stderr.split())
    used = CliRunner().invoke(app, [*words, "--map", r"prompt={prompt}\n\n{context}"])
    assert used.exit_code == 0 and UNUSED not in used.stderr


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("two words", 2),
        ("", 0),
        ("今天天气很好。", 6),
        ("これはペンです", 7),
        ("สวัสดีครับ", 3),
        ("我用 Python 3.11 写代码", 7),
        ("naïve café", 2),
    ],
)
def test_words_are_counted_in_scripts_without_spaces(text: str, count: int) -> None:
    assert count_words(text) == count


def test_lengths_and_near_duplicates_of_such_scripts() -> None:
    one = "今天天气很好，我们去公园散步，看见了许多花和几只小鸟，然后在河边的小店里喝一杯热茶。"
    rows = [
        {"prompt": "问", "chosen": one, "rejected": "不知道。"},
        {"prompt": "问", "chosen": one.replace("热茶", "咖啡"), "rejected": "不知道。"},
        {"prompt": "问", "chosen": "这里没有什么相同的内容，完全是另外一句话而已。", "rejected": "也许吧。"},
    ]
    diagnosis = examine(read(rows), None)
    assert diagnosis.lengths["chosen"]["max"] == 38
    values = {check.name: check.value for check in diagnosis.checks}
    assert values["near duplicates"].startswith("1 ") and values["better response is longer"] == "100.0 %"
    assert words_of("Hello, 世界!") == ["hello", "世", "界"]


@pytest.mark.parametrize(
    ("column", "warned"), [("image", True), ("image_url", True), ("screenshot", True), ("image_id", False)]
)
def test_a_column_of_images_beside_texts_is_warned_of(column: str, warned: bool) -> None:
    rows = [
        {"prompt": f"What is here, {at}?", "chosen": "A bus.", "rejected": "No.", column: f"{at}.png"}
        for at in range(3)
    ]
    found = " ".join(check.detail for check in unused_columns(read(rows)))
    assert (f"A text model cannot see {column}" in found) == warned


def test_what_a_builder_put_before_the_prompt_is_no_finding_however_short() -> None:
    row = {**PAIR, "prompt": f"Context: Be short.\n\n{PAIR['prompt']}", "context": "Be short."}
    assert UNUSED in found(row), "a short text may stand in a prompt by chance"
    assert found({**row, "original_prompt": PAIR["prompt"]}) == {}
    others = {**row, "original_prompt": PAIR["prompt"], "context": "Be polite."}
    assert found(others)[UNUSED][0] == "context", "this one stands in no prompt"


def test_columns_that_the_winner_names_are_never_read_as_bare_prompts_in_silence() -> None:
    rows = [{"prompt": "Tea?", "gpt4": "Yes.", "llama": "No.", "winner": name} for name in ("gpt4", "llama")]
    (found,) = unused_columns(read(rows))
    assert (found.verdict, found.value) == ("warning", "gpt4, llama") and "If 'winner' tells" in found.detail


def test_grades_of_several_responses_to_one_prompt_name_the_ranking() -> None:
    rows = [{"prompt": "Tea?", "response": text, "rating": grade} for text, grade in (("Yes.", "4/5"), ("No.", "1/5"))]
    (found,) = unused_columns(read(rows))
    assert found.verdict == "note" and "from 1 to 4" in found.detail and "--kind ranking makes the rows" in found.detail
    (other,) = unused_columns(read([rows[0], {**rows[1], "prompt": "Milk?"}]))
    assert "--kind ranking" not in other.detail


def test_the_template_names_the_column_that_is_the_prompt() -> None:
    _, detail = found({"inputs": "Tea?", "targets": "Yes.", "definition": "Answer with one word."})[UNUSED]
    assert '--map prompt="{inputs}\\n\\n{definition}"' in detail
