"""Trees of rollouts: who wrote what, shared beginnings, and their file."""

from __future__ import annotations

import math

import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Source
from penchant.forest.layout import TokenSequence
from penchant.generation.responses import Response
from penchant.online.pairing import build_pairing
from penchant.online.rollouts import Rollout
from penchant.online.trees import ROOT, Node, Tree

PROMPT = (1, 2)
TREE = Tree(
    (
        Node(ROOT, (5,), "a", visits=3, value=0.5, facts={"prior": 0.25}),
        Node(0, (6, 7), " says", speaker="tool"),
        Node(1, (8,), "b", finished=True, score=1.0),
        Node(1, (9,), "c", finished=True, score=0.0),
        Node(ROOT, (10, 11), "d", learned=(False, True), context=(3,)),
    )
)


def test_children_paths_and_branching() -> None:
    assert (TREE.children(ROOT), TREE.children(1), TREE.leaves) == ([0, 4], [2, 3], [2, 3, 4])
    assert (TREE.path(3), TREE.path(ROOT), TREE.text(3)) == ([0, 1, 3], [], "a saysc")
    assert list(TREE.branching()) == [(ROOT, [0, 4]), (1, [2, 3])]


def test_only_what_the_policy_wrote_is_learned() -> None:
    assert TREE.sequence(PROMPT, 2) == TokenSequence(PROMPT, (5, 6, 7, 8), (True, False, False, True))
    assert TREE.step(PROMPT, 2) == TokenSequence((1, 2, 5, 6, 7), (8,), None)
    assert TREE.step(PROMPT, 1).learned_ids == []
    assert TREE.step(PROMPT, 4) == TokenSequence((3,), (10, 11), (False, True))
    assert TREE.response(2) == Response("a saysb", (5, 6, 7, 8), True, (True, False, False, True))


def test_a_rollout_keeps_its_tree() -> None:
    rollout = Rollout(
        Source(), "p", PROMPT, (TREE.response(2), TREE.response(3)), (1.0, 0.0), tree=TREE, facts={"nodes": 5.0}
    )
    read = Rollout.from_json(rollout.to_json())
    assert read.to_json() == rollout.to_json()
    assert read.tree is not None
    assert read.tree.nodes[0].facts == {"prior": 0.25} and math.isnan(read.tree.nodes[0].score)
    assert read.grown is read.tree


def test_a_flat_list_is_a_tree_of_depth_one() -> None:
    given = (Response("a", (5, 6), True, (False, True)), Response("b", (7,), False))
    tree = Rollout(Source(), "p", PROMPT, given, (1.0, 0.0)).grown
    assert tree.leaves == tree.children(ROOT) == [0, 1]
    assert [tree.response(each) for each in tree.leaves] == list(given)
    assert [tree.nodes[each].score for each in tree.leaves] == [1.0, 0.0]


@pytest.mark.parametrize(
    "nodes", [(Node(0, (5,), "a"),), (Node(1, (5,), "a"), Node(0, (6,), "b")), (Node(-2, (5,), "a"),)]
)
def test_a_cycle_is_refused(nodes: tuple[Node, ...]) -> None:
    with pytest.raises(DataError, match="does not stand before it"):
        Tree(nodes)


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match="2 tokens and a mask of 1"):
        Tree((Node(ROOT, (5, 6), "a", learned=(True,)),))


def test_a_sampler_is_chosen_by_name() -> None:
    from penchant.online.recipe import make_online_recipe
    from penchant.online.samplers.sampler import SAMPLERS

    with pytest.raises(ConfigurationError, match="Did you mean 'independent'"):
        SAMPLERS.get("independant", "sampler")
    recipe = make_online_recipe({"method": "grpo", "model": "m", "data": "x.jsonl"})
    assert recipe.sampler == {"name": "independent"}
    assert not build_pairing("best_worst").of_trees
