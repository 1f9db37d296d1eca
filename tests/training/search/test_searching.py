"""A search of adapters: its budget, its going on, its front, and what it refuses."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from families import tiny_model
from penchant.cli.app import main
from penchant.errors import ConfigurationError, OutputError
from penchant.training.search.front import pareto_front
from penchant.training.search.plan import plan_of, read_search
from penchant.training.search.proposing import propose
from penchant.training.search.searching import Found, search
from penchant.training.search.space import Configuration, Space, layout_of
from small_runs import pairs, write_pairs

SPACE = Space({"attention": (0, 1, 3), "feed-forward": (0, 2)}, layers=2, keys={"learning_rate": (1e-3, 1e-2)})


@pytest.fixture
def document(folder: Path, tmp_path: Path) -> dict[str, Any]:
    """A plan that trains five adapters of the tiny model."""
    recipe = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl")), "max_steps": 2}
    recipe |= {"eval_data": str(write_pairs(tmp_path / "held.jsonl", pairs(30)[18:])), "batch_size": 4}
    space = {"attention": [0, 1, 2], "feed-forward": [0, 1, 2]}
    return {
        "output": str(tmp_path / "search"),
        "recipe": recipe | {"learning_rate": 1e-2},
        "evaluations": 5,
        "initial": 3,
        "measure": "rewards/margin",
        "space": space,
    }


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The recipes of all runs; none is trained, and the score is a function of the adapter."""
    seen: list[dict[str, Any]] = []

    def train(**recipe: Any) -> Any:
        seen.append(recipe)
        lora, trained = recipe["lora"], 10 * len(recipe["lora"]["targets"])
        score = random.Random(str(lora)).random()
        after = {"rewards/margin": score, "odd": 1.0}
        summary = {"after": after, "before": {"rewards/margin": 0.1, "odd": 0.0}, "seconds": 1.0}
        return SimpleNamespace(summary=summary | {"trained_parameters": trained * lora["rank"]})

    monkeypatch.setattr("penchant.training.api.train", train)
    return seen


def found(document: dict[str, Any]) -> Found:
    from penchant.likelihood.loading import load_model

    plan = plan_of(document, "plan")
    return search(plan, layout_of(load_model(plan.recipe["model"])))


def test_a_search_trains_real_adapters_and_counts_their_weights(document: dict[str, Any], folder: Path) -> None:
    from penchant.likelihood.loading import load_model

    result = found(document | {"evaluations": 4})
    layout = layout_of(load_model(str(folder)))
    space = Space({"attention": (0, 1, 2), "feed-forward": (0, 1, 2)}, layers=2)
    for each in result.evaluations:
        assert each.trained == space.trained(each.configuration, layout)
        assert (Path(each.run) / "adapter").is_dir() and not (Path(each.run) / "model").exists()
    assert len({str(each.configuration) for each in result.evaluations}) == 4
    assert len({each.score for each in result.evaluations}) == 4


@pytest.mark.parametrize("sampler", ["gp", "tpe", "random"])
def test_a_stopped_search_goes_on_as_if_it_had_not_been_stopped(
    sampler: str, document: dict[str, Any], pretended: list[dict[str, Any]], tmp_path: Path
) -> None:
    document |= {"sampler": sampler}
    whole = found(document)
    assert len(pretended) == 5
    halves = document | {"output": str(tmp_path / "halves")}
    found(halves | {"evaluations": 3})
    again = found(halves)
    assert len(pretended) == 10
    assert [each.configuration for each in again.evaluations] == [each.configuration for each in whole.evaluations]
    assert again.volumes == whole.volumes == sorted(whole.volumes)
    points = [(each.score, float(each.trained)) for each in whole.evaluations]
    assert whole.front == [whole.evaluations[place] for place in pareto_front(points)]
    # A smaller budget than what is done trains nothing.
    assert len(found(halves | {"evaluations": 2}).evaluations) == 2 and len(pretended) == 10


def test_an_exhausted_space_ends_the_search(document: dict[str, Any], pretended: list[dict[str, Any]]) -> None:
    small = {"attention": [0, 1], "feed-forward": [0], "layers": True}
    result = found(document | {"space": small, "evaluations": 9})
    assert result.exhausted and len(pretended) == len(result.evaluations) == 3


@pytest.mark.parametrize("sampler", ["gp", "tpe"])
def test_a_model_of_the_scores_finds_a_larger_volume_than_chance(sampler: Any) -> None:
    from penchant.training.search.front import hypervolume

    space = Space({"attention": tuple(range(8)), "feed-forward": tuple(range(8))}, layers=4)

    def values(each: Configuration) -> tuple[float, float]:
        bits = [each[f"layer {number}"] for number in range(4)]
        used = each["attention"] * (bits[3] + 0.2 * bits[2])
        return (used / (2.0 + used), float((each["attention"] + each["feed-forward"]) * sum(bits)))

    def volume(how: Any, seed: int) -> float:
        seen: list[tuple[Configuration, tuple[float, float]]] = []
        for _number in range(16):
            chosen = propose(space, seen, sampler=how, initial=6, seed=seed)
            assert chosen is not None
            seen.append((chosen, values(chosen)))
        return hypervolume([each for _configuration, each in seen], gain=0.0, cost=56.0)

    seeds = range(3)
    assert sum(volume(sampler, seed) for seed in seeds) > sum(volume("random", seed) for seed in seeds)


def test_a_model_without_linear_layers_is_refused(document: dict[str, Any]) -> None:
    layout = layout_of(tiny_model("gpt2"))
    with pytest.raises(ConfigurationError, match="no decoder layers with linear layers"):
        search(plan_of(document, "plan"), layout)


def test_what_is_drawn_is_new_until_nothing_is_left() -> None:
    seen: list[Configuration] = []
    while (drawn := SPACE.unseen(seen, random.Random(len(seen)))) is not None:
        assert SPACE.holds(drawn) and drawn not in seen
        seen.append(drawn)
    # Five pairs of ranks that are not both 0, three settings of two bits that are not both off, two rates.
    assert len(seen) == SPACE.size == 5 * 3 * 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"evaluations": 0}, r"evaluations is 0; expected a whole number of at least 1"),
        ({"evaluations": None}, r"evaluations is None"),
        ({"initial": 0}, r"initial is 0"),
        ({"sampler": "gpp"}, r"There is no sampler 'gpp'"),
        ({"budget": 3}, r"unknown key 'budget'"),
        ({"space": {"attention": [3, 1]}}, r"do not ascend"),
        ({"space": {"attention": [0], "feed-forward": [0]}}, r"No configuration of the space has an adapter"),
        ({"space": {"attn": [1]}}, r"unknown key 'attn'"),
        ({"space": {"layers": 3}}, r"space\.layers is 3"),
        ({"space": {"scale": 0}}, r"space\.scale is 0"),
        ({"space": {"keys": {"learning_rate": 1e-3}}}, r"no lists of values"),
        ({"space": {"keys": {"lora": [{}]}}}, r"sets lora itself"),
        ({"space": {"keys": {"learning_rat": [1e-3]}}}, r"learning_rat"),
        ({"goal": "more"}, r"The goal is 'more'"),
        ({"measure": "rewards/margim"}, r"not known whether a larger|do not measure 'rewards/margim'"),
        ({"measure": "nothing", "goal": "max"}, r"do not measure 'nothing'"),
        ({"measure": "odd"}, r"not known whether a larger"),
    ],
)
def test_what_cannot_work_is_refused(
    changed: dict[str, Any], told: str, document: dict[str, Any], pretended: list[dict[str, Any]]
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        found(document | changed)


@pytest.mark.parametrize("key", ["recipe", "evaluations"])
def test_what_is_missing_is_named(key: str, document: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"has no {key}"):
        plan_of({name: value for name, value in document.items() if name != key}, "plan")


def test_a_recipe_with_its_own_adapter_or_an_unknown_key_is_refused(document: dict[str, Any]) -> None:
    for more, told in (({"lora": True}, "sets lora itself"), ({"max_step": 3}, "max_step"), ({"model": None}, "model")):
        with pytest.raises(ConfigurationError, match=told):
            plan_of(document | {"recipe": document["recipe"] | more}, "plan")


def test_another_plan_does_not_go_on_in_the_folder(document: dict[str, Any], pretended: list[dict[str, Any]]) -> None:
    found(document | {"evaluations": 1})
    with pytest.raises(OutputError, match="another plan"):
        found(document | {"seed": 1})
    (Path(document["output"]) / "search.json").write_text("{")
    with pytest.raises(OutputError, match="cannot be read"):
        found(document)


def test_without_optuna_the_error_says_what_to_install(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigurationError, match=r"needs optuna.*penchant\[search\]"):
        plan_of(document, "plan")
    assert plan_of(document | {"sampler": "random"}, "plan").sampler == "random"


def test_the_command_prints_the_front(
    document: dict[str, Any], pretended: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, figures = tmp_path / "plan.yaml", tmp_path / "found.json"
    file.write_text(yaml.safe_dump(document))
    assert main(["search", str(file), "--json", str(figures)]) == 0
    printed = capsys.readouterr()
    assert "Front of 5 evaluations" in printed.out and "5 of 5" in printed.err
    assert len(yaml.safe_load(figures.read_text())["evaluations"]) == 5
    file.write_text(yaml.safe_dump(document | {"evaluations": 0}))
    assert main(["search", str(file)]) == 1
    assert "evaluations is 0" in capsys.readouterr().err
    assert read_search(_with(file, document)).evaluations == 5


def _with(file: Path, document: dict[str, Any]) -> Path:
    file.write_text(yaml.safe_dump(document))
    return file
