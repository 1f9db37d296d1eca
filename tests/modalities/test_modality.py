"""Modalities: found by name or by the model, without loading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from families import tiny_model
from penchant.errors import ConfigurationError
from penchant.modalities import MODALITIES, ImageModality, TextModality, find_modality
from small_images import pipeline


def test_a_modality_is_registered_by_its_definition() -> None:
    assert MODALITIES.names() == ["images", "text"]
    assert MODALITIES.get("images") is ImageModality and MODALITIES.get("text") is TextModality


def test_a_model_is_recognised(tmp_path: Path) -> None:
    assert find_modality(None, "in memory", tiny_model("llama")) is TextModality
    images = pipeline()
    assert find_modality(None, "in memory", images) is ImageModality
    (tmp_path / "model_index.json").write_text("not even JSON", encoding="utf-8")
    assert find_modality(None, str(tmp_path)) is ImageModality, "a folder is recognised by its files alone"
    assert find_modality(None, "some/hub-id") is TextModality


def test_a_name_stands_above_what_is_recognised() -> None:
    assert find_modality("images", "in memory", tiny_model("llama")) is ImageModality
    with pytest.raises(ConfigurationError, match=r"modality: There is no modality 'image'\. Did you mean 'images'"):
        find_modality("image", "m")
