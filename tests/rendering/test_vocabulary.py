"""A tokenizer with more tokens than the model's embedding is refused, where it would fail and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from families import VOCABULARY, tiny_model
from penchant.cli.app import main
from penchant.errors import ModelError
from penchant.rendering import load_tokenizer
from penchant.rendering.vocabulary import check_vocabulary, rows_of
from small_runs import model_folder, word_tokenizer, write_pairs


def test_the_check_the_dry_run_and_training_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = model_folder(tmp_path / "model")
    tokenizer = word_tokenizer()
    tokenizer.add_tokens([f"<|act {number}|>" for number in range(VOCABULARY)])
    tokenizer.save_pretrained(folder)
    data = str(write_pairs(tmp_path / "pairs.jsonl"))
    words = ["train", "--model", str(folder), "--data", data, "-o", str(tmp_path / "run")]
    for command in (["data", "check", data, "--model", str(folder)], [*words, "--dry-run"], words):
        assert main(command) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert f"{len(tokenizer)} tokens, but the model's embedding has only {VOCABULARY} rows" in said
        assert "resize_token_embeddings" in said


def test_a_model_in_memory_is_checked_by_its_embedding() -> None:
    tokenizer = word_tokenizer()
    model = tiny_model("llama")
    check_vocabulary(tokenizer, rows_of("memory", model), "memory")
    model.resize_token_embeddings(len(tokenizer) - 1)  # type: ignore[operator]
    with pytest.raises(ModelError, match=r"without a row are 'old'"):
        check_vocabulary(tokenizer, rows_of("memory", model), "memory")


def test_placeholders_of_images_need_no_row() -> None:
    tokenizer = word_tokenizer()
    rows = len(tokenizer)
    tokenizer.add_tokens(["<image_soft_token>"])
    check_vocabulary(tokenizer, rows, "model")


def test_a_folder_without_a_model_has_no_rows(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    assert len(load_tokenizer(tmp_path)) == len(tokenizer)
