"""``penchant data``: what a person sees of feedback, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from penchant.cli.data import app
from penchant.cli.words import data_of, pairs, parse_mapping
from penchant.errors import ConfigurationError, DataError, ModelError, OutputError
from rendering.tokenizers_small import byte_level

ROWS = [
    {"prompt": "hello world", "chosen": " how are\nyou", "rejected": " fine"},
    {"prompt": "what do you", "chosen": " think", "rejected": " think about it for a very long time"},
]


@pytest.fixture
def model(tmp_path: Path) -> str:
    byte_level(adds_bos=True).save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def file(tmp_path: Path) -> str:
    return written(tmp_path / "pairs.jsonl", ROWS)


def written(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160", "NO_COLOR": "1"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_check_prints_tables_and_writes_json(file: str, model: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "doctor.json"
    result = run("check", file, "--model", model, "--max-length", "64", "--json", str(out))
    assert result.exit_code == 0
    for expected in (
        "2 of kind comparison",
        "truncated at 64 tokens",
        "end token",
        "Lengths in tokens",
        "rejected",
        "0 errors",
    ):
        assert expected in result.output
    told = json.loads(out.read_text())
    assert told["failed"] is False and {"checks", "lengths"} <= set(told)


def test_check_counts_words_without_a_model(file: str) -> None:
    assert "Lengths in words" in run("check", file).output
    with pytest.raises(ConfigurationError, match=r"which needs a tokenizer.*--model"):
        run("check", file, "--max-length", "64")


def test_check_exits_1_when_something_is_wrong(file: str, model: str) -> None:
    result = run("check", file, "--model", model, "--max-length", "3")
    assert result.exit_code == 1 and "error" in result.output and "dropped" in result.output


def test_check_foresees_what_training_cuts_without_a_length(file: str, tmp_path: Path, model: str) -> None:
    # Training cuts at the model's positions; so the check counts with them, and refuses more of them.
    (tmp_path / "model" / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_positions": 6}))
    result = run("check", file, "--model", model)
    assert "truncated at 6 tokens" in result.output and "dropped" in result.output
    with pytest.raises(ConfigurationError, match="max_length is 7, but the model has only 6 positions"):
        run("check", file, "--model", model, "--max-length", "7")


def test_check_compares_with_another_split(file: str, tmp_path: Path) -> None:
    other = written(tmp_path / "test.jsonl", ROWS[:1])
    assert "test.jsonl" in run("check", file, "--other", other).output.replace("\n", "")


def test_columns_are_mapped_and_bad_records_skipped(tmp_path: Path) -> None:
    rows = [{"q": row["prompt"], "better": row["chosen"], "rejected": row["rejected"]} for row in ROWS]
    path = written(tmp_path / "named.jsonl", [*rows, {"q": "Q", "better": "", "rejected": "b"}])
    mapped = ("--map", "prompt=q", "--map", "chosen=better")
    with pytest.raises(DataError, match=r"named.jsonl:3: The response 'chosen' is empty.*--on-bad skip"):
        run("check", path, *mapped)
    result = run("check", path, *mapped, "--on-bad", "skip")
    assert result.exit_code == 0 and "bad records" in result.output
    with pytest.raises(ConfigurationError, match="FIELD=COLUMN"):
        run("check", path, "--map", "chosen")
    with pytest.raises(ConfigurationError, match="twice"):
        parse_mapping(["a=b", "a=c"])


def test_newlines_and_braces_of_a_mapping_are_understood() -> None:
    words = [r"prompt={question}\n\n{context}\t\\n", "system=You are brief.", "completion=a=b"]
    assert parse_mapping(words) == {
        "prompt": "{question}\n\n{context}\t\\n",
        "system": "You are brief.",
        "completion": "a=b",
    }
    # As keys of a recipe, where YAML would take braces for its own.
    assert pairs([r"mapping.prompt={question}\n{context}", "epochs=2"], "key=value") == {
        "mapping.prompt": "{question}\n{context}",
        "epochs": 2,
    }


def test_several_paths_without_names_are_a_list(tmp_path: Path) -> None:
    assert data_of(["a.jsonl", "b.jsonl"], "--data") == ["a.jsonl", "b.jsonl"]
    assert data_of(["data/*.jsonl"], "--data") == "data/*.jsonl"
    with pytest.raises(ConfigurationError, match=r"b.jsonl has no name"):
        data_of(["forget=a.jsonl", "b.jsonl"], "--data")


def test_show_marks_every_line_and_every_boundary(file: str, model: str) -> None:
    output = run("show", file, "--model", model, "-n", "1").output
    assert "pairs.jsonl:1" in output and "pairs.jsonl:2" not in output
    lines = output.splitlines()[2:]
    assert {line[0] for line in lines if line} == {"P", "R"}, "prompt and response can be told apart without colour"
    shown = {
        mark: "".join(line[2:] for line in lines if line.startswith(mark) and "tokens" not in line) for mark in "PR"
    }
    assert shown["P"].startswith("⟦<s>⟧│") and shown["P"].replace("│", "") == "⟦<s>⟧hello world"
    assert shown["R"].replace("│", "") == " how are⏎you⟦</s>⟧ fine⟦</s>⟧"
    assert shown["R"].count("│") > 4


def test_show_prints_ids_and_what_is_cut(file: str, model: str) -> None:
    from penchant.rendering import Renderer, load_tokenizer

    renderer = Renderer(load_tokenizer(model))
    first = renderer.response_ids(ROWS[1]["prompt"], ROWS[1]["chosen"])
    output = run("show", file, "--model", model, "--start", "2", "--ids").output
    assert all(f":{token}│" in output for token in first)
    output = run("show", file, "--model", model, "--max-length", "8", "--policy", "response_right").output
    assert "cut (end token lost)" in output
    assert (
        "dropped: longer than max_length (8)"
        in run("show", file, "--model", model, "--max-length", "8", "--policy", "drop").output
    )


def test_show_says_what_was_said_of_a_response(tmp_path: Path, model: str) -> None:
    ranked = written(tmp_path / "a.jsonl", [{"prompt": "Q", "completions": ["a", "b"], "scores": [1, 0.5]}])
    assert "completion 2, score 0.5" in run("show", ranked, "--model", model).output
    judged = written(tmp_path / "b.jsonl", [{"prompt": "Q", "completion": "a", "label": False}])
    assert "completion, undesirable" in run("show", judged, "--model", model).output


def test_what_cannot_be_loaded_or_written(file: str, model: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no tokenizer"):
        run("show", file, "--model", str(tmp_path / "empty"))
    with pytest.raises(ModelError, match=r"folder of a run, not of a model.*/model\."):
        run("show", file, "--model", str(tmp_path))
    with pytest.raises(OutputError, match="cannot be written"):
        run("check", file, "--json", f"{file}/out.json")
    with pytest.raises(ConfigurationError, match="Did you mean 'prompt_left'"):
        run("check", file, "--model", model, "--policy", "prompt-left")


def test_real_feedback_with_a_real_tokenizer(shared: Path) -> None:
    arguments = (str(shared / "data" / "hh_harmless.jsonl.gz"), "--model", str(shared / "models" / "tinystories-260k"))
    result = run("check", *arguments, "--split", "test", "--max-length", "512", "--chat-template", "plain")
    assert result.exit_code == 0 and "274 of kind comparison" in result.output
    with pytest.raises(ModelError, match="--chat-template plain"):
        run("show", *arguments)


def test_show_prints_both_prompts_of_a_joint_comparison(tmp_path: Path, model: str) -> None:
    row = {"prompt": "hello", "chosen": " you", "rejected_prompt": "how", "rejected": " fine"}
    path = tmp_path / "joint.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    output = run("show", str(path), "--model", model).output.replace("│", "")
    for part in ("P ⟦<s>⟧hello", "R chosen", "P ⟦<s>⟧how", "R rejected"):
        assert part in output
    assert output.index("hello") < output.index("chosen") < output.index("how") < output.index("rejected")
