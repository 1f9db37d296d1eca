"""The tree search: what it draws, how it visits, what it counts, and that a killed run grows the same trees."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from online.samplers.search.lines import PROMPTS, grown, line_engine, right_sums
from penchant.errors import ConfigurationError
from penchant.objectives.functional.games.tree_values import TreeNode, label_smoothing_of_visits, puct
from penchant.online.samplers.search.gardener import Gardener
from penchant.online.samplers.search.visits import Search
from penchant.online.trees import ROOT
from small_runs import largest_gap, losses, metrics, weights

SEARCH = {"name": "search", "iterations": 3, "root_factor": 2, "step_tokens": 2, "depth": 3, "words": ["good", "bad"]}


def test_a_tree_is_made_of_lines_and_its_leaves_are_the_responses() -> None:
    [drawn] = grown(Search(iterations=8, root_factor=2, depth=3, evaluation="none"), PROMPTS[:1])
    tree = drawn.tree
    assert tree is not None and len(tree) > 4
    inner = [node for place, node in enumerate(tree.nodes) if tree.children(place)]
    assert inner and all(node.text.strip() and node.text.lstrip().count("\n") == 1 for node in inner)
    ends = [place for place, node in enumerate(tree.nodes) if node.finished or len(tree.path(place)) == 3]
    assert [tree.response(place).ids for place in ends] == [each.ids for each in drawn.responses]
    assert [tree.nodes[place].score for place in ends] == list(drawn.scores or ())
    for _place, children in tree.branching():
        texts = [tree.nodes[each].text for each in children]
        assert len(set(texts)) == len(texts)


def test_visits_add_up_and_the_root_counts_once() -> None:
    sampler = Search(iterations=6, root_factor=2, depth=3, evaluation="none", actions=3, root_actions=3)
    [drawn] = grown(sampler, PROMPTS[:1])
    tree = drawn.tree
    assert tree is not None
    for place in range(ROOT, len(tree)):
        children = [tree.nodes[each] for each in tree.children(place)]
        if not children:
            continue
        # Whatever passes through a node goes on to one child, which after the move is itself where six more begin.
        begun = sum(6 for each in children if each.facts["on_path"] and tree.children(tree.nodes.index(each)))
        through = 12 if place == ROOT else tree.nodes[place].visits
        assert sum(each.visits for each in children) == through + begun
        counts = [max(1, each.visits) for each in children]
        mean = sum(count * each.value for count, each in zip(counts, children, strict=True)) / sum(counts)
        if place != ROOT:
            assert tree.nodes[place].value == pytest.approx(tree.nodes[place].facts["gain"] + mean)
    ends = [node for node in tree.nodes if node.finished]
    assert ends and all(node.value == node.facts["gain"] for node in ends)


def test_the_same_seed_gives_the_same_trees_whatever_is_searched_beside_them() -> None:
    sampler = Search(iterations=4, root_factor=1, evaluation="none")
    together = grown(sampler, PROMPTS)
    again = grown(sampler, PROMPTS)
    assert [each.tree for each in together] == [each.tree for each in again]
    alone = grown(sampler, PROMPTS[:1])
    assert [node.ids for node in alone[0].tree.nodes] == [node.ids for node in together[0].tree.nodes]  # type: ignore[union-attr]
    other = grown(sampler, PROMPTS, seed=8)
    assert [each.tree for each in other] != [each.tree for each in together]


def test_every_token_of_a_tree_is_read_once() -> None:
    [drawn] = grown(Search(iterations=16, root_factor=1, evaluation="none"), PROMPTS[:1])
    tree, facts = drawn.tree, drawn.facts
    assert tree is not None
    tokens = sum(len(node.ids) for node in tree.nodes)
    prompt = len(drawn.prompt_ids or ())
    # The last token of a step is read when the step is continued, and what is left out was read as well.
    assert facts["steps_alike"] == 0 or facts["tokens_drawn"] > tokens
    assert facts["tokens_read"] <= prompt + facts["tokens_drawn"]
    assert facts["prefix_tokens_saved"] > prompt
    assert facts["prefix_share_saved"] == pytest.approx(
        facts["prefix_tokens_saved"] / (facts["prefix_tokens_saved"] + facts["tokens_read"])
    )


def test_the_policy_judges_its_steps_in_two_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    original = Gardener.words

    def words(self: Gardener, nodes: Any, questions: Any, names: Any) -> list[list[float]]:
        found = original(self, nodes, questions, names)
        asked.extend(zip((leaf for _growth, leaf in nodes), questions, found, strict=True))
        return found

    monkeypatch.setattr(Gardener, "words", words)
    question = "{answer}?"
    grown(Search(iterations=3, root_factor=1, question=question, words=["+", "="]), PROMPTS[:1])
    assert asked
    engine = line_engine()
    for leaf, text, (right, wrong) in asked:
        assert text == f"{PROMPTS[0].prompt}{leaf.written}\n\n{PROMPTS[0].fields['answer']}?\n"
        [plain] = _chances(engine, text, ["+", "="])
        assert (right, wrong) == pytest.approx(plain, rel=1e-3)
        sure = right / (right + wrong) + (0 if not leaf.ended else 1 if leaf.outcome == 1 else -1)
        assert leaf.value == pytest.approx(sure)


def _chances(engine: Any, text: str, words: list[str]) -> list[list[float]]:
    import torch

    with torch.no_grad():
        logits = engine.model(input_ids=torch.tensor([engine.prompt_ids(text)])).logits[0, -1]
    chances = logits.double().softmax(-1)
    return [[float(chances[engine.renderer.response_ids(text, word)[0]]) for word in words]]


def test_a_search_that_never_ends_a_line_is_limited_counted_and_reported(online: Run, drawing: None) -> None:
    result = online(sampler=SEARCH, pairing="siblings", objective="dpo", iterations=2)
    numbers = metrics(result.folder)[1]
    assert numbers["sampled/steps_cut"] > 0 and numbers["sampled/length_greatest"] <= 6
    assert numbers["sampled/prefix_tokens_saved"] > 0
    report = (result.folder / "report.html").read_text(encoding="utf-8")
    assert "Tokens of a search that were not read again" in report and "Steps of a tree" in report


def test_a_run_killed_in_the_middle_of_a_tree_ends_as_an_uninterrupted_one(
    online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: dict[str, Any] = {
        "sampler": SEARCH,
        "pairing": {"name": "siblings", "smoothing": "visits"},
        "objective": "cdpo",
        "iterations": 2,
        "prompts_per_iteration": 4,
    }
    calls: list[int] = []
    original = Gardener.extend

    def counted(self: Gardener, *args: Any) -> Any:
        calls.append(1)
        if len(calls) == dies_at:
            raise KeyboardInterrupt
        return original(self, *args)

    monkeypatch.setattr(Gardener, "extend", counted)
    dies_at = 0
    whole = online("whole", **keys)
    dies_at, total = len(calls) * 3 // 4, len(calls)
    calls.clear()
    with pytest.raises(BaseException) as stopped:
        online("killed", **keys)
    assert stopped.type.__name__ in ("KeyboardInterrupt", "Interrupted") and len(calls) == dies_at < total
    dies_at = 0
    resumed = online("killed", resume=True, **keys)
    assert losses(resumed.folder) == losses(whole.folder)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0
    for number in (1, 2):
        name = f"rounds/{number:05d}/rollouts.json"
        assert (Path(resumed.folder) / name).read_text() == (Path(whole.folder) / name).read_text()


@pytest.mark.parametrize(
    ("changed", "phrase"),
    [
        ({"temperature": 0.0}, "greedy decoding has one"),
        ({"judge": "none"}, "asks the judge, and there is none"),
        ({"sampler": {**SEARCH, "words": ["correct", "incorrect"]}}, "begin with the same token"),
        ({"sampler": {**SEARCH, "words": ["good"]}}, "There are 1 words, expected 2"),
        ({"objective": "grpo", "pairing": "group"}, "does not draw from the policy's own distribution"),
        ({"sampler": "independent"}, "grows none"),
        ({"engine": {"name": "transformers", "options": {"top_k": 5}}}, "from the model in this process"),
        ({"roll_in": 0.5}, "does not know roll_in"),
        ({"sampler": {**SEARCH, "actions": 0}}, "actions"),
    ],
)
def test_what_does_not_go_together_is_refused(changed: dict[str, Any], phrase: str, online: Run) -> None:
    with pytest.raises(ConfigurationError, match=phrase):
        online(**{"sampler": SEARCH, "pairing": "siblings", **changed})


def test_a_judge_without_a_score_changes_no_value() -> None:
    def nothing(prompt: object, response: str) -> None:
        return None

    [drawn] = grown(Search(iterations=3, root_factor=1, evaluation="none"), PROMPTS[:1], judge=right_sums(nothing))
    assert drawn.scores is None and drawn.tree is not None
    assert all(node.value == 0 for node in drawn.tree.nodes)


def test_smoothing_and_promise_are_those_of_the_kernels() -> None:
    root = TreeNode(0.0, visits=4)
    child = TreeNode(0.5, [-1.0, -1.0], root, visits=1)
    assert puct(child) == pytest.approx(0.5 + math.exp(-2 / 2**1.25) * 2 / 2)
    assert (label_smoothing_of_visits(5, 0), label_smoothing_of_visits(5, 5)) == (0.0, 0.5)


def test_the_judge_may_evaluate_unfinished_steps() -> None:
    def length(prompt: object, response: str) -> float:
        return float(len(response))

    [drawn] = grown(Search(iterations=2, root_factor=1, evaluation="judge"), PROMPTS[:1], judge=right_sums(length))
    assert drawn.tree is not None
    for place, node in enumerate(drawn.tree.nodes):
        assert node.facts["evaluation"] == len(drawn.tree.text(place))
