"""A judge, a pairing, a reference update and an engine: one class in one file, and a recipe names it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from penchant.errors import ConfigurationError, ModelError
from penchant.generation import ENGINES, Sampling, build_engine
from penchant.likelihood.references import NoReference
from penchant.online import PAIRINGS, REFERENCE_UPDATES, build_pairing, make_online_recipe, run_online
from penchant.online.pairs import PAIR_RULES
from penchant.online.reference import UpdatedReference
from penchant.online.reference_updates import build_reference_update
from penchant.registry import Registry
from penchant.rewards import JUDGES, build_judge
from penchant.training.preparation import Given
from small_images import pipeline
from small_runs import metrics, write_pairs

REGISTRIES = [JUDGES, PAIRINGS, REFERENCE_UPDATES, ENGINES]

PAIRING = '''
"""A pairing of neighbours."""
from penchant.online.pairings.pairs import PairRule

class Neighbours(PairRule):
    """Each response with the next one."""

    id = "neighbours"

    @staticmethod
    def candidates(ranked_by):
        return [(place, place + 1) for place in range(len(ranked_by) - 1)]
'''

UPDATE = '''
"""A reference that follows every other round."""
from penchant.online.reference_updates import Previous

class EveryOther(Previous):
    """The policy as it was two rounds ago, or one."""

    id = "every-other"
    rounds = 0

    def advance(self, policy, reference):
        self.rounds += 1
        if self.rounds % 2 == 0:
            super().advance(policy, reference)
'''


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Adds files to a temporary package; what they define is known in one test only."""
    before = [set(each.names()) for each in REGISTRIES]
    package = tmp_path / "extra_choices"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def add(**files: str) -> None:
        for name, source in files.items():
            (package / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        Registry("choice", "extra_choices").discover()

    yield add
    for registry, names in zip(REGISTRIES, before, strict=True):
        for name in set(registry.names()) - names:
            registry.remove(name)
    for name in set(PAIR_RULES) - set(PAIRINGS):
        PAIR_RULES.remove(name)
    for name in [each for each in sys.modules if each.startswith("extra_choices")]:
        del sys.modules[name]


def test_each_new_choice_is_one_class_that_a_recipe_names(extra: Callable[..., None], online: Run) -> None:
    page = Path(__file__).parents[2] / "docs" / "online.md"
    blocks = [each.split("```")[0] for each in page.read_text(encoding="utf-8").split("```python\n")[1:]]
    [judge_of_the_page] = [each for each in blocks if "(Judge)" in each]
    extra(brevity=judge_of_the_page, neighbours=PAIRING, every_other=UPDATE)
    judge = {"name": "brevity", "unit": 2.0}
    done = online(judge=judge, pairing="neighbours", reference="every-other", iterations=2, batch_size=8)
    words = [each["reward"] for each in metrics(done.folder, "eval").values()]
    assert done.summary["reference"] == "every-other" and done.summary["steps"] > 0
    assert all(-3.0 <= reward <= 0.0 for reward in words), "at most six words, two for a reward of one"
    with pytest.raises(ConfigurationError, match=r"judge brevity: 'unit' is 0.0 \(float\), expected float > 0"):
        online("refused", judge={"name": "brevity", "unit": 0.0})


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_choice_says_what_it_is_and_what_it_takes(registry: Registry[Any]) -> None:
    for name, thing in zip(registry.names(), registry.things(), strict=True):
        assert thing.id == name and thing.kind == registry.kind
        assert thing.__doc__.split("\n")[0].endswith((".", "}")), name
        assert "__doc__" in vars(thing), name
        assert all(each.doc for each in thing.declared_settings())
    with pytest.raises(ConfigurationError, match=rf"There is no {registry.kind} '{name}x'. Did you mean '{name}'\?"):
        registry.get(f"{name}x")


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: build_judge({"name": "reward_model", "batch_size": 0, "model": "m"}), "judge reward_model: 'batch_si"),
        (lambda: build_judge({"name": "none", "rule": "exact"}), "judge none: There is no key 'rule'. It has no keys"),
        (lambda: build_pairing("group", scale="batches"), "pairing group: 'scale' is 'batches'.*'batch'"),
        (lambda: build_pairing("demonstration", threshold=1.0), "pairing demonstration: There is no key 'threshold'"),
        (lambda: build_reference_update("ema", 0.0), "reference update ema: 'reference_rate' is 0.0"),
        (lambda: build_reference_update("nesterov", 1.0), r"expected float in \[0, 1\)"),
        (lambda: build_engine({"name": "server", "model": "m"}, None), "engine server: The key 'url' is missing"),  # type: ignore[arg-type]
        (lambda: build_engine({"bach_size": 4}, None), "Did you mean 'batch_size'"),  # type: ignore[arg-type]
    ],
)
def test_all_choices_have_one_style_of_errors(build: Callable[[], Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build()


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"reference": "fixed"}, "'reference' is 'fixed'.*It is called 'initial' here"),
        ({"reference": "moving"}, "'reference' is 'moving'.*It is called 'ema' here"),
        ({"reference": "previus"}, "Did you mean 'previous'"),
        ({"anchor": "previous"}, "It is called reference here"),
        ({"sampling_batch": 8}, "It is called engine.batch_size here"),
        ({"server_model": "m"}, "It is called engine.model here"),
    ],
)
def test_former_names_lead_to_the_new_ones(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make_online_recipe({"model": "m", "data": "d", **keys})


def test_a_setting_alone_keeps_the_name_of_the_default() -> None:
    recipe = make_online_recipe({"model": "m", "data": "d", "engine.batch_size": 4, "judge.rule": "exact"})
    assert recipe.engine == {"name": "transformers", "batch_size": 4}
    assert recipe.judge == {"name": "verifier", "rule": "exact"}


def test_an_engine_without_a_model_says_so() -> None:
    with pytest.raises(ModelError, match="no model to sample from"):
        build_engine({}, None).sample(["x"], Sampling(), seed=0)  # type: ignore[arg-type]


def test_an_adapter_switched_off_cannot_be_moved() -> None:
    class Adapter(NoReference):
        kind = "initial"

    assert UpdatedReference(Adapter(), build_reference_update("initial", 0.1)).kind == "initial"
    assert UpdatedReference(NoReference(), build_reference_update("previous", 0.1)).kind == "none"
    with pytest.raises(ConfigurationError, match=r"adapter switched off.*reference=initial"):
        UpdatedReference(Adapter(), build_reference_update("previous", 0.1))


def test_a_model_of_images_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "prompts.jsonl", [{"prompt": "1", "completion": "2"}])
    keys = {"model": "pipeline", "data": str(data), "judge": "none", "pairing": "demonstration", "objective": "spin"}
    with pytest.raises(ConfigurationError, match=r"the modality 'images'.*no engine"):
        run_online(make_online_recipe({**keys, "output": str(tmp_path / "run")}), Given(model=pipeline()))


@pytest.mark.parametrize("name", [None, 3, ["verifier"]])
def test_a_part_whose_name_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'judge' is .*its name is missing; leave it out for verifier"):
        make_online_recipe({"model": "m", "data": "d", "judge": {"name": name, "rule": "exact"}})
