"""Bars and advice of transformers stay out of the terminal; those of this package and of downloads do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub.utils import are_progress_bars_disabled
from transformers.utils import logging

from families import tiny_model
from penchant.likelihood.checkpoint import LANGUAGE_MODEL, load_checkpoint
from penchant.quiet import quiet_transformers


def test_everything_is_as_before_afterwards() -> None:
    level = logging.get_verbosity()
    with quiet_transformers():
        assert not logging.is_progress_bar_enabled()
        assert are_progress_bars_disabled()
        assert logging.get_verbosity() == logging.ERROR
    assert logging.is_progress_bar_enabled()
    assert not are_progress_bars_disabled()
    assert logging.get_verbosity() == level


def test_downloads_keep_their_bars_unless_they_were_off() -> None:
    with quiet_transformers(downloads=True):
        assert not logging.is_progress_bar_enabled()
        assert not are_progress_bars_disabled()
    with quiet_transformers():
        with quiet_transformers(downloads=True):
            assert are_progress_bars_disabled()
        assert are_progress_bars_disabled()
        assert not logging.is_progress_bar_enabled()
    assert logging.is_progress_bar_enabled()


def test_loading_a_model_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The bar "Loading weights" stood between the lines of every command that loads a model."""
    tiny_model("llama").save_pretrained(tmp_path)
    capfd.readouterr()
    load_checkpoint(tmp_path, LANGUAGE_MODEL, {})
    assert capfd.readouterr() == ("", "")
