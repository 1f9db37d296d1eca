"""Bad input on the command line: exit code 1, one paragraph that says what to do, and nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.cli.app import main
from small_runs import model_folder, pairs, write_pairs

Refused = Callable[..., str]
QUICK = ("batch_size=4", "max_steps=2", "samples=0", "learning_rate=1e-3")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs.jsonl")


@pytest.fixture
def refused(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run ``penchant train`` on something bad; give back the one paragraph that it says."""

    def run(data: Path, *more: str, model: Path = model, out: Path = tmp_path / "run", command: str = "train") -> str:
        place = ["--data", str(data), "--out", str(out), *QUICK] if command == "train" else ["--data", str(data)]
        assert main([command, "--model", str(model), *place, *more]) == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said
        last = [line for line in said.splitlines() if line.startswith("penchant: ")]
        assert len(last) == 1 and said.splitlines()[-1] == last[0], said
        assert last[0].startswith("penchant: error: ") and "unexpected" not in last[0], last[0]
        return last[0]

    return run


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


GOOD = {"prompt": "which colour", "chosen": " is red", "rejected": " is not red"}
BAD_DATA = {
    "not json": (['{"prompt": "a", '], "bad.jsonl:1", "JSON"),
    "a field is missing": ([GOOD, {"prompt": "a", "chosen": " b"}], "bad.jsonl:2", "'rejected'"),
    "named otherwise": ([{"prompt": "a", "favoured": " b", "rejected": " c"}], "bad.jsonl", "favoured"),
    "a field is null": ([GOOD, {**GOOD, "chosen": None}], "bad.jsonl:2", "'chosen'"),
    "of the wrong type": ([GOOD, {**GOOD, "chosen": 7}], "bad.jsonl:2", "'chosen'"),
    "an empty response": ([GOOD, {**GOOD, "chosen": ""}], "bad.jsonl:2", "empty"),
    "an identical pair": ([GOOD, {**GOOD, "rejected": GOOD["chosen"]}], "bad.jsonl:2", "identical"),
    "histories that differ": (
        [
            {
                "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
                "rejected": [{"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}],
            }
        ],
        "bad.jsonl:1",
        "",
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_are_told_with_file_line_and_field(case: str, refused: Refused, tmp_path: Path) -> None:
    rows, where, what = BAD_DATA[case]
    said = refused(lines(tmp_path / "bad.jsonl", *rows))
    assert where in said and what in said


def test_a_missing_and_an_empty_file(refused: Refused, tmp_path: Path) -> None:
    assert "absent.jsonl" in refused(tmp_path / "absent.jsonl")
    assert "empty.jsonl" in refused(lines(tmp_path / "empty.jsonl"))
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())


def test_a_failed_start_does_not_stand_in_the_way_of_the_next(
    refused: Refused, model: Path, data: Path, tmp_path: Path
) -> None:
    refused(tmp_path / "absent.jsonl")
    assert main(["train", "--model", str(model), "--data", str(data), "--out", str(tmp_path / "run"), *QUICK]) == 0


def test_bad_records_may_be_skipped_and_are_counted(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lines(tmp_path / "bad.jsonl", *pairs(8), {**GOOD, "chosen": ""})
    arguments = ["train", "--model", str(model), "--data", str(path), "--out", str(tmp_path / "run"), *QUICK]
    assert main([*arguments, "--on-bad", "skip"]) == 0
    said = capsys.readouterr().err
    assert "1 bad records" in said and "bad.jsonl:9" in said


def test_what_is_wrong_with_the_objective_comes_before_the_data(refused: Refused, tmp_path: Path) -> None:
    absent = tmp_path / "absent.jsonl"
    assert "Did you mean 'dpo'?" in refused(absent, "--objective", "dpoo")
    assert "Did you mean 'beta'?" in refused(absent, "--set", "beat=0.1")
    assert "beta" in refused(absent, "--set", "beta=-1")
    assert "Did you mean 'batch_size'?" in refused(absent, "batchsize=3")
    assert "name=value" in refused(absent, "--set", "beta")


def test_records_too_long_for_the_model(refused: Refused, tmp_path: Path) -> None:
    long = lines(tmp_path / "long.jsonl", *[{**row, "chosen": row["chosen"] + " good" * 200} for row in pairs(6)])
    said = refused(long)
    assert "None of the 6 records can be used (6 response longer than max_length)" in said
    assert "max_length is 4000, but the model has only 128 positions" in refused(long, "max_length=4000")


def test_long_prompts_are_cut_to_the_model_and_that_is_said(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = lines(tmp_path / "long.jsonl", *[{**row, "prompt": "very " * 200 + row["prompt"]} for row in pairs(6)])
    run = tmp_path / "run"
    assert main(["train", "--model", str(model), "--data", str(long), "--out", str(run), *QUICK]) == 0
    assert "up to 128 tokens of each" in (said := capsys.readouterr().err) and "prompts cut: 6" in said
    assert json.loads((run / "summary.json").read_text())["cut"]["prompt_cut"] == 6


def test_pairs_that_cutting_made_identical_are_counted_and_left_out(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = [{"prompt": "which car", "chosen": " the red" * 9 + " good", "rejected": " the red" * 9 + " bad"}] * 2
    path, run = lines(tmp_path / "long.jsonl", *pairs(6), *same), tmp_path / "run"
    keys = [*QUICK, "max_length=14", "truncation=response_right"]
    assert main(["train", "--model", str(model), "--data", str(path), "--out", str(run), *keys]) == 0
    assert "2 responses identical after truncation" in capsys.readouterr().err
    cut = json.loads((run / "summary.json").read_text())["cut"]
    assert cut["identical_after_cut"] == cut["dropped"] == 2 and cut["kept"] == 6


def test_tokenizers_that_cannot_do_what_is_needed(refused: Refused, data: Path, tmp_path: Path) -> None:
    said = refused(data, model=model_folder(tmp_path / "endless", eos=False))
    assert "no end-of-sequence token" in said and "--end-token" in said
    chat = [{"role": "user", "content": "which"}]
    row = {"prompt": chat, "chosen": [{"role": "assistant", "content": "red"}]}
    row["rejected"] = [{"role": "assistant", "content": "blue"}]
    said = refused(lines(tmp_path / "chat.jsonl", row))
    assert "chat template" in said and "plain" in said and "chatml" in said


def test_folders_that_are_no_model(refused: Refused, data: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert "has no tokenizer" in refused(data, model=tmp_path / "nothing")
    assert "no such folder" in refused(data, model=tmp_path / "absent")
    part = model_folder(tmp_path / "part")
    (part / "model.safetensors").unlink()
    assert "No causal language model can be loaded" in refused(data, model=part)
    torn = model_folder(tmp_path / "torn")
    (torn / "model.safetensors").write_bytes((torn / "model.safetensors").read_bytes()[:1000])
    assert "No causal language model can be loaded" in refused(data, model=torn)


def test_another_run_is_neither_mixed_with_nor_deleted_unasked(
    refused: Refused, model: Path, data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = ["train", "--model", str(model), "--data", str(data), "--out", str(run), *QUICK]
    assert main(arguments) == 0
    (run / "notes.txt").write_text("mine")
    kept = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    said = refused(data)
    assert "already holds another run" in said and "--resume" in said and "--overwrite" in said
    assert "Choose one" in refused(data, "--resume", "--overwrite")
    # Whatever is wrong with the new run, the old one is there until the new one begins.
    refused(tmp_path / "absent.jsonl", "--overwrite")
    refused(data, "--overwrite", model=tmp_path / "absent")
    assert "--overwrite would delete" in refused(data, "--overwrite", model=run / "model")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == kept
    assert main([*arguments, "--overwrite", "seed=3"]) == 0
    assert (run / "notes.txt").read_text() == "mine" and "seed: 3" in (run / "recipe.yaml").read_text()


def test_files_of_other_things_are_never_deleted(refused: Refused, data: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "model").write_text("Dear mother")
    for more in ([], ["--overwrite"], ["--resume"]):
        assert "files that are not a run" in refused(data, *more, out=tmp_path / "letters")
    assert (tmp_path / "letters" / "model").read_text() == "Dear mother"


def test_an_output_that_cannot_be_written(refused: Refused, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(data, out=tmp_path / "file")
    assert "cannot be written" in refused(data, out=tmp_path / "file" / "run")


FULL = {
    "python": OSError(28, "No space left on device"),
    "torch": RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/0"),
}


@pytest.mark.parametrize("kind", FULL)
def test_a_full_disk_costs_no_earlier_checkpoint(
    kind: str, refused: Refused, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, run = torch.save, tmp_path / "run"

    def full(thing: object, file: object, *more: object, **options: object) -> None:
        if "checkpoint-2" in str(file) and "optimizer" in str(file):
            raise FULL[kind]
        save(thing, file, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        said = refused(data, "save_every=1")
    assert "checkpoint-2 could not be written" in said and "--resume" in said
    assert (run / "checkpoints" / "checkpoint-1" / "complete.json").is_file()
    arguments = ["train", "--model", str(model), "--data", str(data), "--out", str(run), *QUICK, "save_every=1"]
    assert main([*arguments, "--resume"]) == 0
    assert (run / "metrics.jsonl").read_text().count('"train"') == 2


def test_debug_shows_where_it_happened(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--model", str(model), "--data", str(tmp_path / "absent"), "--out", str(tmp_path / "run")]
    assert main([*arguments, "--debug"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said and said.splitlines()[-1].startswith("penchant: error: ")


def test_score_tells_the_same(refused: Refused, data: Path, tmp_path: Path) -> None:
    assert "absent.jsonl" in refused(tmp_path / "absent.jsonl", command="score")
    assert "beta is -1" in refused(data, "--beta", "-1", command="score")
    assert "truncation" in refused(data, "--truncation", "middle", command="score")
    assert "128 positions" in refused(data, "--max-length", "999", command="score")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(data, "--out", str(tmp_path / "file" / "x.jsonl"), command="score")
