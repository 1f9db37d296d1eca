"""The search over fragments: how they are cut, rewarded and paired, and which prompts are searched."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from online.conftest import Run
from online.samplers.search.lines import line_engine
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Demonstration, Prompt, Source
from penchant.generation.responses import Sampling
from penchant.lab.worlds.sums.world import build_tokenizer
from penchant.online.pairing import build_examples, build_pairing
from penchant.online.recipe import make_online_recipe
from penchant.online.rollouts import Rollout
from penchant.online.samplers.sampler import Drawn, Means
from penchant.online.samplers.search.fragments import Fragments, shared_pieces
from penchant.online.samplers.search.gardener import Gardener
from penchant.online.samplers.search.hardest import hardest, perplexities
from penchant.online.trees import ROOT
from small_runs import metrics, pairs, write_pairs

RIGHT = Demonstration(prompt="1+2:", completion="1+2=3", source=Source("calls", 1))


def grown(sampler: Fragments, records: list[Any], *, judge: Any = None) -> list[Drawn]:
    means = Means(line_engine(), judge)
    sampler.check(means, records)
    return sampler.draw(records, means, Sampling(max_new_tokens=24, temperature=1.5), seed=3)


def test_fragments_end_at_their_marks() -> None:
    [drawn] = grown(Fragments(grades=False, marks=["=", "+"], actions=3, iterations=6), [RIGHT])
    assert drawn.tree is not None
    inner = [node for place, node in enumerate(drawn.tree.nodes) if drawn.tree.children(place)]
    assert inner
    for node in inner:
        assert node.text[-1] in "=+" and sum(map(node.text.count, "=+")) == 1
    [wide] = grown(Fragments(grades=False, marks=["=", "+"], fragments=2, iterations=6), [RIGHT])
    assert wide.tree is not None
    assert all(
        sum(map(node.text.count, "=+")) == 2 for place, node in enumerate(wide.tree.nodes) if wide.tree.children(place)
    )


def test_rewards_add_up_along_the_path() -> None:
    [drawn] = grown(Fragments(grades=False, marks=["="], actions=2, iterations=5, depth=4), [RIGHT])
    tree = drawn.tree
    assert tree is not None
    for place in range(len(tree)):
        node, below = tree.nodes[place], [each for each in range(len(tree)) if place in tree.path(each)]
        if any(tree.nodes[each].finished or len(tree.path(each)) == 4 for each in below):
            continue  # an end may be visited again
        own = [tree.nodes[each].facts["evaluation"] for each in below]
        assert node.visits == len(below) and node.value == pytest.approx(sum(own) / len(own))
    for place, node in enumerate(tree.nodes):
        worth = shared_pieces(node.text, "1+2=3") - 0.5
        ended = node.finished or len(tree.path(place)) == 4 or len(tree.response(place).ids) == 24
        ending = 0.1 if not tree.text(place).strip().endswith(")") else -0.1
        assert node.facts["evaluation"] == pytest.approx(worth + (ending if ended else 0.0))


def test_the_policy_grades_what_greedy_decoding_makes_of_a_fragment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    original = Gardener.words

    def words(self: Gardener, nodes: Any, questions: Any, names: Any) -> list[list[float]]:
        found = original(self, nodes, questions, names)
        asked.extend(zip((leaf for _growth, leaf in nodes), questions, found, strict=True))
        return found

    monkeypatch.setattr(Gardener, "words", words)
    monkeypatch.setattr("penchant.online.samplers.search.fragments.GRADES", {"1": 1.0, "2": 0.1, "3": -1.0, "4": -2.0})
    sampler = Fragments(marks=["="], question="?", iterations=2)
    grown(sampler, [RIGHT])
    assert asked
    for leaf, question, (right, nearly, wrong, harmful) in asked:
        assert question.startswith(f"1+2:{leaf.written}") and question.endswith("\n\n?\n")
        sure = (right + 0.1 * nearly - wrong - 2 * harmful) / 4
        ending = 0.0 if not leaf.ended else 0.1 if not leaf.written.strip().endswith(")") else -0.1
        assert leaf.value == pytest.approx(shared_pieces(leaf.text, "1+2=3") - 0.5 + sure + ending)


def test_a_tree_without_an_end_still_has_responses() -> None:
    [drawn] = grown(Fragments(grades=False, iterations=1, depth=3, marks=["+"], step_tokens=1, actions=4), [RIGHT])
    assert drawn.responses and drawn.scores is None
    assert drawn.tree is not None and drawn.tree.children(ROOT)


@pytest.mark.parametrize(("count", "kept"), [(10, 3), (20, 6), (11, 3), (9, 2), (100, 30)])
def test_exactly_the_floor_of_each_kind_is_searched(count: int, kept: int) -> None:
    calls = [Demonstration(prompt=f"c{each}", completion=f"f(a={each})") for each in range(count)]
    plain = [Demonstration(prompt=f"p{each}", completion=f"no {each}") for each in range(count)]
    records = [each for both in zip(calls, plain, strict=True) for each in both]
    # Calls are all harder than the rest, and still keep only their own share.
    found = hardest(records, 0.3, "(", lambda some: [float(len(r.prompt)) + 100 * ("(" in r.completion) for r in some])
    assert sum("(" in str(each.completion) for each in found) == kept == math.floor(0.3 * count + 1e-9)
    assert len(found) == 2 * kept and found == [each for each in records if each in found]
    assert len(hardest(records, 0.3, "", lambda some: [1.0] * len(some))) == math.floor(0.6 * count + 1e-9)
    assert hardest(records, 1.0, "(", lambda some: []) == records


def test_too_few_prompts_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="are none"):
        hardest([RIGHT, RIGHT], 0.3, "(", lambda some: [1.0] * len(some))


def test_perplexity_is_that_of_the_given_response() -> None:
    import torch

    from penchant.lab.worlds.language.model import tiny_model
    from penchant.likelihood.causal import CausalScorer

    engine = line_engine()
    model = tiny_model(build_tokenizer("\n:?"), seed=5, hidden=32)
    other = Demonstration(prompt="4+4+4:", completion="8", source=Source("calls", 2))
    found = perplexities([RIGHT, other], engine, CausalScorer(model), None)
    for record, value in zip([RIGHT, other], found, strict=True):
        prompt = engine.prompt_ids(record.prompt)
        said = engine.renderer.response_ids(record.prompt, record.completion)
        with torch.no_grad():
            logps = model(input_ids=torch.tensor([[*prompt, *said]])).logits[0].log_softmax(-1)
        own = [float(logps[len(prompt) - 1 + at, token]) for at, token in enumerate(said)]
        assert value == pytest.approx(math.exp(-sum(own) / len(own)), rel=1e-4)


def test_a_recipe_searches_the_hardest_prompts_alone(online: Run, tmp_path: Any) -> None:
    rows = [{"prompt": each["prompt"], "completion": each["chosen"], "answer": "red"} for each in pairs(12)]
    data = write_pairs(tmp_path / "calls.jsonl", rows)
    sampler = {"name": "fragments", "marks": ["is"], "grades": False, "actions": 3, "apart": "", "step_tokens": 2}
    result = online(
        "hard", data=str(data), method="itool", sampler=sampler, iterations=1, prompts_per_iteration=11, temperature=1.5
    )
    numbers = metrics(result.folder)[1]
    assert numbers["sampled/nodes"] > 3
    rollouts = json.loads((result.folder / "rounds/00001/rollouts.json").read_text())
    assert len(rollouts) == 3
    pairing = build_pairing("siblings", by="value", path=False, gap=0.1, overlap=0.95, floor=-0.3)
    examples = build_examples([Rollout.from_json(each) for each in rollouts], pairing, _wanted())
    assert len(examples) == numbers["sampled/examples"] > 0


def _wanted() -> Any:
    from penchant.objectives import build

    return build("simpo").requirements


def test_the_recipe_needs_no_frozen_model() -> None:
    recipe = make_online_recipe({"method": "itool", "model": "m", "data": "d"})
    assert not _wanted().needs.reference and recipe.objective["name"] == "simpo"
    assert recipe.sampler["hardest"] == 0.3 and recipe.pairing["floor"] == -0.3


@pytest.mark.parametrize(
    ("record", "sampler", "error", "phrase"),
    [
        (Prompt(prompt="1+2:"), {"grades": False}, DataError, "compares with a right response"),
        (RIGHT, {}, ConfigurationError, "two of the grades"),
    ],
)
def test_bad_input(record: Any, sampler: dict[str, Any], error: type[Exception], phrase: str) -> None:
    with pytest.raises(error, match=phrase):
        grown(Fragments(**sampler), [record])
