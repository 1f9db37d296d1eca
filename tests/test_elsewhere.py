"""A name that is none of what is asked for leads to what it is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from penchant.cli.methods import _page
from penchant.elsewhere import PLACES, where_else
from penchant.errors import ConfigurationError
from penchant.known_settings import kinds_of
from penchant.objectives import build
from penchant.training.merging.rules import MERGES
from penchant.training.parameters.strategy import STRATEGIES


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("half-fine-tuning", "a parameter strategy: `parameters=half-fine-tuning`"),
        ("slerp", "a merging method: `penchant merge MODEL MODEL --method slerp`"),
        ("iterative-dpo", "an online recipe: `penchant methods show iterative-dpo`"),
        ("oaif", "an online recipe"),
        ("iterative-rpo", "an online recipe: `penchant methods show iterative-rpo`"),
        ("step-dpo", "records with `steps_before`"),
        ("tdpo", "`tdpo1` and `tdpo2`"),
    ],
)
def test_an_objective_that_is_something_else_is_said_to_be_it(name: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=f"There is no objective '{name}'. .*{re.escape(told)}"):
        build(name)


def test_a_file_or_folder_in_place_of_a_judge_is_answered(tmp_path: Path) -> None:
    assert where_else("my/rewards.py:brevity", "judge").endswith("path: my/rewards.py:brevity}`.")
    assert where_else(str(tmp_path), "judge").endswith(f"model: {tmp_path}}}`.")
    assert where_else("my_loss.py:Mine", "objective").endswith("`objective={path: my_loss.py:Mine}`.")
    assert where_else("my/rewards.py:brevity", "engine") == ""


def test_a_word_for_nothing_is_sent_nowhere() -> None:
    assert where_else("none", "reference update") == ""


def test_other_registries_say_it_too() -> None:
    with pytest.raises(ConfigurationError, match=r"parameter strategy 'ties'. 'ties' is a merging method"):
        STRATEGIES.get("ties")
    with pytest.raises(ConfigurationError, match=r"parameter strategy 'hft'. .*`parameters=half-fine-tuning`"):
        STRATEGIES.get("hft")
    with pytest.raises(ConfigurationError, match=r"merging method 'soup'. .*--soup greedy"):
        MERGES.get("soup")
    with pytest.raises(ConfigurationError, match=r"no parameter strategy 'half-tuning'\. Did you mean"):
        STRATEGIES.get("half-tuning")


@pytest.mark.parametrize("name", PLACES)
def test_a_papers_name_is_free_and_what_it_names_exists(name: str) -> None:
    """Commands, options and ids in the sentence are those of the program."""
    assert set(kinds_of(name)) <= {"judge"}, "a name that stands for itself needs no sentence"
    assert where_else(name, "objective") == PLACES[name]
    for command in re.findall(r"`([^`]+)`", PLACES[name]):
        _check_command(shlex.split(command))


def _check_command(words: list[str]) -> None:
    from typer.main import get_command

    from penchant.cli.app import app

    if words[0] == "penchant":
        place: object = get_command(app)
        while len(words) > 1 and (inside := getattr(place, "commands", {}).get(words[1])):
            place, words = inside, words[1:]
        known = {option for each in place.params for option in each.opts}  # type: ignore[attr-defined]
        assert {word for word in words if word.startswith("--")} <= known, words
    elif words[0] == "--objective":
        build(words[1])
    elif words[0].startswith("parameters="):
        STRATEGIES.get(words[0].partition("=")[2])
    elif words[0] not in ("--lora", "lora.kind=KIND", "steps_before", "step-corrections"):
        assert _page(words[0])


def test_a_sum_that_a_paper_names_is_trained_and_shown_by_its_name() -> None:
    assert build("rpo-dpo-nll").id == "dpo+nll"
    assert "arXiv:2404.19733" in _page("rpo-dpo-nll") and "dpo+0.5*nll" in _page("rpo-dpo-nll")
