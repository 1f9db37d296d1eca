"""Help and documentation list every key of a recipe, with default and meaning, by group."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.online.recipe import OnlineRecipe
from penchant.training import Recipe
from penchant.training.key_help import grouped_keys, help_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("form", [Recipe, OnlineRecipe])
def test_every_key_stands_in_one_group(form: type[Recipe]) -> None:
    listed = [key for _, keys in grouped_keys(form) for key in keys]
    names = [key.name for key in listed if "." not in key.name]
    assert sorted(names) == sorted(form.model_fields)
    assert all(key.meaning for key in listed)
    assert {"lora.rank", "denoising.draws"} <= {key.name for key in listed}
    schedule = next(key for key in listed if key.name == "schedule")
    assert schedule.default == form.model_fields["schedule"].default


def test_the_help_of_a_command_lists_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert help_text() in capsys.readouterr().out
    assert main(["online", "--help"]) == 0
    assert help_text(OnlineRecipe) in capsys.readouterr().out


def test_the_page_of_training_lists_the_keys_and_the_page_of_libraries_their_keys() -> None:
    hook = runpy.run_path(str(ROOT / "docs" / "hooks" / "tables.py"))
    for page, told in (
        ("training.md", ("| `learning_rate` | `1e-06` |", "| `lora.rank` | `16` |", "### Data, held-out data")),
        ("coming-from.md", ("## LLaMA-Factory", "| `cutoff_len` | `max_length` |", "| `padding_free` | — |")),
        ("scaling.md", ("| 8 B |",)),
    ):
        text = hook["on_page_markdown"]((ROOT / "docs" / page).read_text(encoding="utf-8"))
        assert [part for part in told if part not in text] == []
        assert "written here when" not in text
