"""`penchant methods show` for online recipes and for names of papers; the pages of the groups."""

from __future__ import annotations

import os
import shlex

import pytest
from typer.testing import CliRunner

from penchant.cli.loops.pages import CLAIMS, claims_of, group_page, known_names
from penchant.cli.methods import app
from penchant.cli.words import pairs
from penchant.errors import ConfigurationError
from penchant.lab.claims.record import read_record
from penchant.objectives.core.registry import OBJECTIVES
from penchant.online.catalogue import catalogue
from penchant.online.recipe import make_online_recipe, methods, packaged_notes
from penchant.online.shown.groups import GROUPS, group_of
from penchant.online.shown.paper_names import PAPER_NAMES


def shown(name: str) -> str:
    done = CliRunner().invoke(app, ["show", name], env=os.environ | {"COLUMNS": "200", "TERM": "dumb"})
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_recipe_shows_its_five_choices_its_paper_and_its_keys() -> None:
    page = shown("remax")
    for told in (
        "arXiv:2310.10505",
        "| sampler | `independent`, engine `transformers`; responses to a prompt: 1 of up to 128 tokens",
        "| judge | `verifier` (rule=number) |",
        "| pairing | `returns` (baseline=greedy",
        "| objective | `reinforce-pp` |",
        "| reference | `initial` |",
        "iterations: 100",
        "penchant online remax --model M",
    ):
        assert told in page
    assert "| further | opponent initial, extragradient |" in shown("egpo")
    assert "| reference | `nesterov`, rate 0.3 |" in shown("apo-nesterov")


def test_a_name_that_is_recipe_and_objective_shows_both() -> None:
    page = shown("grpo")
    assert page.startswith("# `grpo`") and "## `grpo`: an online recipe" in page and "## Hyper-parameters" in page
    alias = shown("cream")
    assert alias.startswith("# `cream`: an online recipe") and "`cream` is another name of `cdpo`." in alias
    assert "Online: `penchant online grpo objective=dr-grpo ...`" in shown("dr-grpo")


@pytest.mark.parametrize(
    ("name", "recipe", "other"),
    [
        ("apo", "apo-nesterov", "`apo-zero`"),
        ("spo", "spo-minimax", "`spo-degree`"),
        ("ddim-inpo", "", "`inpo`"),
        ("visual-rft", "", "`vision-r1`"),
        ("raft", "rejection-sampling", ""),
    ],
)
def test_a_papers_name_says_which_choices_make_it_and_what_it_is_not(name: str, recipe: str, other: str) -> None:
    page = shown(name)
    assert (f"penchant online {recipe}" in page) == bool(recipe) and other in page
    assert (f"## `{recipe}`: an online recipe" in page) == bool(recipe)


def test_a_wrong_name_leads_to_the_nearest_of_all_kinds() -> None:
    for wrong, near in (("iteratve-dpo", "iterative-dpo"), ("inppo", "inpo"), ("ddim-inpoo", "ddim-inpo")):
        with pytest.raises(ConfigurationError, match=f"There is no method '{wrong}'. Did you mean '{near}'"):
            shown(wrong)


def test_every_papers_name_is_free_and_its_command_is_a_recipe() -> None:
    objectives = {*OBJECTIVES.names(), *OBJECTIVES.aliases()}
    assert not set(PAPER_NAMES) & (objectives | set(methods()))
    assert set(methods()) | set(PAPER_NAMES) == set(known_names())
    for name, each in PAPER_NAMES.items():
        if not each.recipe:
            assert each.differs and not each.keys, name
            continue
        keys = pairs(shlex.split(each.command)[3:], name)
        recipe = make_online_recipe({"method": each.recipe, "model": "m", "data": "d", "teacher": "t", **keys})
        assert recipe.method == each.recipe


def test_every_recipe_is_in_one_group_with_a_paper_and_a_claim() -> None:
    grouped = [name for recipes in GROUPS.values() for name in recipes]
    assert sorted(grouped) == methods() and all(group_of(name) for name in methods())
    assert all("arXiv:" in packaged_notes(name) for name in methods())
    assert all(claims_of(name) for name in methods())
    assert {claim for claims in CLAIMS.values() for claim in claims} <= read_record().keys()
    assert "gspo-uneven-tokens" not in claims_of("grpo")


@pytest.mark.parametrize("title", GROUPS)
def test_the_page_of_a_group_has_all_its_recipes_with_their_choices(title: str) -> None:
    page = group_page(title)
    found = {each.name: each for each in catalogue()}
    for name in GROUPS[title]:
        part = page.partition(f"## `{name}`: an online recipe")[2].partition("\n## ")[0]
        assert f"| objective | `{found[name].objective}`" in part and f"| pairing | `{found[name].pairing}`" in part


def test_a_group_that_is_none_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"There is no group of recipes .Game.\. Did you mean .Games."):
        group_page("Game")
