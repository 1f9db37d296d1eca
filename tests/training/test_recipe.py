"""The recipe: every key checked, every refusal with the right name, and the same run from what is written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from penchant.errors import ConfigurationError
from penchant.forest.batching import plan_batches
from penchant.objectives import DPO, NLL
from penchant.online.recipe import OnlineRecipe
from penchant.training import LoRA, make_recipe, read_recipe
from penchant.training.arguments import micro_batches
from penchant.training.preparation import build_objective, resolved
from penchant.training.recipe import Recipe
from penchant.training.recipe_keys import FORMER

NEEDED = {"model": "m", "data": "d"}


def refused(**keys: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make_recipe({**NEEDED, **keys}, "recipe.yaml")
    assert str(caught.value).startswith("recipe.yaml: ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("learnig_rate", "learning_rate"), ("batchsize", "batch_size"), ("epoch", "epochs"), ("sead", "seed")],
)
def test_an_unknown_key_is_refused_with_the_nearest(wrong: str, right: str) -> None:
    assert f"There is no key {wrong!r}. Did you mean {right!r}?" in refused(**{wrong: 1})


def test_a_key_that_is_an_option_is_named_as_one() -> None:
    assert "It is an option of the command: --dry-run." in refused(dry_run=True)
    assert "It is an option of the command: --overwrite." in refused(overwrite=True)


def test_an_unknown_key_of_a_part_too() -> None:
    assert "There is no key 'lora.rnak'. Did you mean 'rank'?" in refused(lora={"rnak": 4})


@pytest.mark.parametrize("former", sorted(FORMER))
def test_the_names_of_earlier_versions_are_explained(former: str) -> None:
    said = refused(**{former: 1})
    assert f"There is no key {former!r}. It is called {FORMER[former]} here." in said
    ours = FORMER[former].replace("=", " ").replace(".", " ").replace(",", " ").split()[0]
    known = {*Recipe.model_fields, *OnlineRecipe.model_fields}
    assert ours in known or "an argument of penchant.train" in said, "what is named exists"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("batch_size", 0, "greater than 0"),
        ("batch_size", 2.5, "integer"),
        ("learning_rate", -1e-3, "greater than 0"),
        ("learning_rate", float("nan"), "finite"),
        ("learning_rate", float("inf"), "finite"),
        ("learning_rate", "fast", "number"),
        ("warmup", 1.5, "less than or equal to 1"),
        ("eval_share", 1.0, "less than 1"),
        ("max_length", 0, "greater than 0"),
        ("truncation", "middle", "'prompt_left'"),
        ("reference", "frozen", "'initial'"),
        ("attention", "flash", "'segments'"),
        ("precision", "int8", "'bfloat16'"),
        ("report_to", 3, "list"),
        ("lora", 8, "dictionary"),
        ("seed", -1, "greater than or equal to 0"),
        ("epochs", True, "a number"),
        ("eval_share", False, "a number"),
        ("schedule", "linaer", "Did you mean 'linear'?"),
        ("optimizer", "adamw_torhc", "Did you mean 'adamw_torch'?"),
    ],
)
def test_a_wrong_value_names_key_value_and_what_was_expected(key: str, value: object, told: str) -> None:
    said = refused(**{key: value})
    assert f"'{key}' is {value!r}" in said and told in said


def test_a_missing_key_is_named_with_its_meaning() -> None:
    with pytest.raises(ConfigurationError, match="The key 'data' is missing: file, saved datasets folder, or hub id"):
        make_recipe({"model": "m"})


@pytest.mark.parametrize("other", [{"eval_data": "x"}, {"eval_split": "test"}])
def test_what_is_held_out_is_said_once(other: dict[str, str]) -> None:
    assert "both define the held-out data" in refused(eval_share=0.1, **other)


def test_a_share_of_nothing_holds_nothing_out() -> None:
    assert make_recipe({"model": "m", "data": "d", "eval_share": 0}).eval_share is None
    assert make_recipe({"model": "m", "data": "d", "eval_share": 0.0, "eval_data": "e"}).eval_data == "e"


def test_dotted_keys_reach_into_parts() -> None:
    recipe = make_recipe(
        {**NEEDED, "objective": "ipo", "objective.beta": 0.3, "lora.rank": 4, "mapping.chosen": "best"}
    )
    assert recipe.objective == {"name": "ipo", "beta": 0.3}
    assert recipe.lora == LoRA(rank=4) and recipe.mapping == {"chosen": "best"}
    assert "has no parts" in refused(**{"seed": 3, "seed.first": 1})


def test_numbers_that_yaml_reads_as_text_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: m\ndata: d\nlearning_rate: 1e-3\nobjective: {name: dpo, beta: 2e-1}\n")
    recipe = read_recipe(path)
    assert recipe.learning_rate == 1e-3 and build_objective(recipe).hyper["beta"] == 0.2


def test_options_stand_above_the_file(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: m\ndata: d\nbatch_size: 4\nobjective: {name: dpo, beta: 0.5}\n")
    recipe = read_recipe(path, {"batch_size": 16, "objective.beta": 0.7})
    assert recipe.batch_size == 16 and recipe.objective == {"name": "dpo", "beta": 0.7}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model: [unclosed", "This is not YAML"),
        ("- model\n- data\n", "a mapping of keys to values"),
        ("", "a mapping of keys to values"),
        ("model: m\ndata: a\nseed: 1\ndata: b\n", "The key 'data' is given twice, in line 2 and in line 4"),
        ("model: m\nlora:\n  rank: 4\n  rank: 8\n", "The key 'rank' is given twice, in line 3 and in line 4"),
    ],
)
def test_a_file_that_is_no_recipe(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=told) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)


def test_a_recipe_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: m\ndata: d\n", encoding="utf-16")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_recipe(path)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_recipe(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    "keys",
    [
        {"objective": "dpo"},
        {"objective": {"name": "dpo+0.2*nll", "dpo.beta": 0.3}},
        {"objective": "0.123456789*dpo + nll", "learning_rate": 3e-5},
        {"objective": "ipo", "lora": True, "eval_share": 0.1, "mapping": {"chosen": "best"}, "precision": "bfloat16"},
    ],
    ids=str,
)
def test_what_is_written_down_resolves_to_the_same_run(keys: dict[str, Any], tmp_path: Path) -> None:
    recipe = make_recipe({**NEEDED, **keys})
    objective = build_objective(recipe)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(resolved(recipe, objective), sort_keys=False))
    read = read_recipe(path)
    assert repr(build_objective(read)) == repr(objective)
    assert resolved(read, build_objective(read)) == resolved(recipe, objective)
    assert read.model_copy(update={"objective": {}}) == recipe.model_copy(update={"objective": {}})


def test_a_sum_and_the_hyperparameters_of_its_parts() -> None:
    keys = {"objective": "dpo+0.2*nll", "objective.dpo.beta": 0.3}
    assert repr(build_objective(make_recipe({**NEEDED, **keys}))) == repr(DPO(beta=0.3) + 0.2 * NLL())


def test_unknown_objectives_and_hyperparameters_name_the_nearest() -> None:
    for keys, told in (
        ({"objective": "dpoo"}, "There is no objective 'dpoo'. Did you mean 'dpo'?"),
        ({"objective": {"name": "dpo", "bata": 1}}, "There is no hyper-parameter 'bata'. Did you mean 'beta'?"),
        ({"objective": {"name": "dpo", "beta": -1}}, "beta"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            build_objective(make_recipe({**NEEDED, **keys}))
        assert told in str(caught.value)


def test_a_coupled_objective_is_split_only_where_it_is_asked_for() -> None:
    plan = plan_batches([600] * 8, batch_size=8)
    asked = make_recipe({"model": "m", "data": "d", "accumulate": 2})
    assert micro_batches(asked, plan, [600] * 8, 1, coupled=True) == 2
    alone = make_recipe({"model": "m", "data": "d", "device": "cpu"})
    assert micro_batches(alone, plan, [600] * 8, 1, coupled=True) == 1
    assert micro_batches(alone, plan, [600] * 8, 1, coupled=False) == 8


def test_an_objective_around_another_is_written_in_a_recipe_and_on_a_command_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: m\ndata: d\nobjective: tail-weighted(rdpo)+0.2*nll\n", encoding="utf-8")
    recipe = read_recipe(path, {"objective.tail-weighted.alpha": 0.3, "objective.beta": 0.5})
    objective = build_objective(recipe)
    assert objective.hyper["tail-weighted.alpha"] == 0.3 and objective.hyper["rdpo.beta"] == 0.5
    kept = resolved(recipe, objective)
    again = build_objective(make_recipe(yaml.safe_load(yaml.safe_dump(kept))))
    assert again.id == objective.id and again.hyper == objective.hyper


@pytest.mark.parametrize(
    "key", ["lora.rank", "accumulate", "sample_tokens", "samples", "processes", "seed", "eval_seed"]
)
def test_numbers_beyond_reason_are_refused_at_once(key: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"'{key}' is 99999999999; it should be less than"):
        make_recipe({"model": "m", "data": "d", key: 99_999_999_999})
