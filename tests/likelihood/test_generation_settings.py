"""Generation settings that transformers refuses are mended, and what is saved loads again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from families import tiny_model
from penchant.likelihood import load_model
from penchant.likelihood.generation_settings import mend_generation_config


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"temperature": 0.9, "top_p": 0.6}, {}),
        ({"do_sample": False, "temperature": 0.0, "top_k": 5}, {"do_sample": False}),
        ({"early_stopping": True}, {}),
        ({"num_return_sequences": 3}, {}),
        ({"max_new_tokens": 0}, {}),
        ({"pad_token_id": -1}, {}),
        ({"output_scores": True}, {}),
        ({"repetition_penalty": 1.1, "temperature": 0.5}, {"repetition_penalty": 1.1}),
        ("{nope", {}),
    ],
)
def test_what_is_saved_loads_again(tmp_path: Path, settings: Any, kept: dict[str, Any]) -> None:
    tiny_model("llama").save_pretrained(tmp_path / "model")
    text = settings if isinstance(settings, str) else json.dumps({"eos_token_id": 2, **settings})
    (tmp_path / "model" / "generation_config.json").write_text(text, encoding="utf-8")
    model = load_model(tmp_path / "model")
    mend_generation_config(model)
    model.generation_config.eos_token_id = [2, 3]  # as a run changes it
    model.save_pretrained(tmp_path / "saved")
    found = load_model(tmp_path / "saved").generation_config.to_diff_dict()
    found.pop("transformers_version")
    assert found == {"eos_token_id": [2, 3], **kept}


def test_a_note_names_what_changed_and_nothing_else_changes() -> None:
    model = tiny_model("llama")
    model.generation_config.temperature = 0.9
    assert "temperature=0.9" in mend_generation_config(model)[0]
    assert mend_generation_config(model) == []
    model.generation_config.update(do_sample=True, temperature=0.9)
    assert mend_generation_config(model) == [] and model.generation_config.temperature == 0.9
