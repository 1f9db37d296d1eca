"""A search over kinds of adapters: which configurations count, their weights, and that each is trained."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from families import tiny_model
from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.training.search.kinds import kind_of
from penchant.training.search.plan import plan_of
from penchant.training.search.proposing import propose
from penchant.training.search.searching import search
from penchant.training.search.space import Configuration, Space, layout_of
from small_runs import pairs, write_pairs

RANKS = {"attention": (0, 1, 3), "feed-forward": (0, 2, 3)}


def several(*names: str, **more: Any) -> Space:
    return Space(RANKS, kinds=tuple(kind_of(name, {}, "plan") for name in names), **more)


def drawn(space: Space) -> list[Configuration]:
    seen: list[Configuration] = []
    while (found := space.unseen(seen, random.Random(len(seen)))) is not None:
        seen.append(found)
    return seen


def test_configurations_with_the_same_adapter_count_once() -> None:
    space = several("lora", "ia3", "vera")
    found = drawn(space)
    assert len(found) == space.size
    own: dict[str, list[tuple[int, int]]] = {kind: [] for kind in space.choices["kind"]}
    for each in found:
        own[each["kind"]].append((each["attention"], each["feed-forward"]))
    assert len(own["lora"]) == 3 * 3 - 1  # both ranks
    assert sorted(own["ia3"]) == [(0, 2), (1, 0), (1, 2)]  # there or not
    # One rank for all layers, and 3 alone is in both grids.
    assert sorted(own["vera"]) == [(0, 2), (0, 3), (1, 0), (3, 0), (3, 3)]


@pytest.mark.parametrize("sampler", ["gp", "tpe", "random"])
def test_every_proposal_is_new_and_counts(sampler: Any) -> None:
    space = several("lora", "ia3", "loha", layers=2)
    seen: list[tuple[Configuration, tuple[float, float]]] = []
    for number in range(7):
        chosen = propose(space, seen, sampler=sampler, initial=4, seed=1)
        assert chosen is not None and space.holds(chosen)
        assert chosen not in [each for each, _values in seen]
        seen.append((chosen, (random.Random(number).random(), float(number))))


@pytest.mark.parametrize("name", ["loha", "ia3", "vera", "hra", "oft", "ln_tuning", "hira"])
def test_the_weights_of_a_kind_are_those_that_peft_trains(name: str) -> None:
    from peft import get_peft_model

    from penchant.likelihood.adapting.kinds import configuration_of
    from penchant.training.settings.adapter import LoRA

    space = several(name, layers=2)
    model = tiny_model("llama")
    layout = layout_of(model)
    found = space.unseen([], random.Random(3))
    assert found is not None
    counted = space.trained(found, layout)
    adapter = LoRA.model_validate(space.recipe(found, layout)["lora"])
    adapted: Any = get_peft_model(model, configuration_of(name)(task_type="CAUSAL_LM", **adapter.peft))  # type: ignore[arg-type]
    assert counted == sum(each.numel() for each in adapted.parameters() if each.requires_grad)
    there = {each for each in adapted.base_model.targeted_module_names}
    assert there == set(space.sizes(found, layout))


def test_larger_ranks_train_more_and_loha_has_two_pairs_of_matrices() -> None:
    layout = layout_of(tiny_model("llama"))
    for name, times in (("loha", 2), ("delora", 1), ("lokr", None), ("hira", 1)):
        own, lora = several(name), several("lora")
        for ranks in ({"attention": 3, "feed-forward": 2}, {"attention": 0, "feed-forward": 3}):
            counted = own.trained(own.canonical(ranks), layout)
            if name == "delora":  # one further number for each of the 14 layers that it reaches
                counted -= len(own.sizes(ranks, layout))
            expected = lora.trained(own.canonical(ranks), layout)
            assert counted == times * expected if times else counted < expected


def test_weights_of_a_kind_do_not_depend_on_further_recipe_keys() -> None:
    layout, ranks = layout_of(tiny_model("llama")), {"attention": 3, "feed-forward": 3}
    plain, searched = several("hira"), several("hira", keys={"learning_rate": (1e-3, 1e-2)})
    # As the size of the largest adapter is found, which has no further keys.
    assert searched.trained(ranks, layout) == plain.trained(ranks, layout) > 0


@pytest.fixture
def document(folder: Path, tmp_path: Path) -> dict[str, Any]:
    recipe = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl")), "max_steps": 1}
    recipe |= {"eval_data": str(write_pairs(tmp_path / "held.jsonl", pairs(24)[18:])), "batch_size": 4}
    space = {"attention": [0, 2], "feed-forward": [0, 2], "layers": False, "kinds": ["lora", "ia3", "loha"]}
    space["keys"] = {"max_grad_norm": [1.0]}
    return {
        "output": str(tmp_path / "search"),
        "recipe": recipe | {"learning_rate": 1e-2},
        "evaluations": 3,
        "sampler": "random",
        "measure": "rewards/margin",
        "space": space,
    }


def test_each_kind_is_trained_and_the_front_is_over_all(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from peft import PeftConfig

    file, figures = tmp_path / "plan.yaml", tmp_path / "found.json"
    file.write_text(yaml.safe_dump(document | {"seed": 1}))
    assert main(["search", str(file), "--json", str(figures)]) == 0
    assert "kind" in capsys.readouterr().out
    found = yaml.safe_load(figures.read_text())
    plan = plan_of(document, "plan")
    from penchant.likelihood.loading import load_model

    layout = layout_of(load_model(str(document["recipe"]["model"])))
    assert {each["configuration"]["kind"] for each in found["evaluations"]} == {"lora", "ia3", "loha"}
    for each in found["evaluations"]:
        assert each["trained"] == plan.space.trained(each["configuration"], layout)
        saved = PeftConfig.from_pretrained(str(Path(each["run"]) / "adapter"))
        assert str(saved.peft_type.value).lower() == each["configuration"]["kind"]  # type: ignore[union-attr]
    assert len(found["front"]) > 0 and found["volumes"] == sorted(found["volumes"])


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["lore"], "There is no kind of adapter 'lore'"),
        (["prefix_tuning"], "puts virtual tokens before every sequence"),
        ([], r"space\.kinds is \[\]"),
        ("ia3", r"space\.kinds is 'ia3'"),
        ({"ia3": 3}, r"space\.kinds is"),
        ({"loha": {"rank": 3}}, "sets rank itself"),
        ({"loha": {"ranks": 3}}, "has no field 'ranks'"),
        ({"lora": {"dorra": True}}, "dorra"),
        (["vblora"], "An adapter of the kind vblora does not fit this model"),
    ],
)
def test_kinds_that_cannot_be_trained_are_refused_before_anything_is(
    kinds: Any, told: str, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(**_recipe: Any) -> Any:
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr("penchant.training.api.train", train)
    document["space"]["kinds"] = kinds
    with pytest.raises(ConfigurationError, match=told):
        search(plan_of(document, "plan"), layout_of(tiny_model("llama")))
