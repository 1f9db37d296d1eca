"""Training on trees: what the policy did not write has no gradient, and a shared beginning is computed once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.feedback.records import Source
from penchant.forest.collate import collate
from penchant.generation.responses import Response
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.references import NoReference
from penchant.objectives import build
from penchant.objectives.core.requirements import Needs
from penchant.online.pairing import build_examples, build_pairing
from penchant.online.rollouts import Rollout
from penchant.online.trees import ROOT, Node, Tree

PROMPT = (1, 5, 6, 7)
TOOL, OTHER = (30, 31, 32), (40, 41)
PATH = {"on_path": 1.0}
#: A step, what a tool says of it, two further steps, of which one meets another speaker, and two ends.
TREE = Tree(
    (
        Node(ROOT, (8, 9), "a", visits=6, value=0.5, facts=PATH),
        Node(ROOT, (8, 10), "b", visits=2, value=-0.5),
        Node(0, TOOL, " tool ", speaker="tool", visits=6, value=0.5, facts=PATH),
        Node(2, (11, 12), "c", visits=4, value=1.0, facts=PATH),
        Node(2, (11, 13), "d", visits=2, value=0.0),
        Node(3, OTHER, " they ", speaker="other", visits=4, value=1.0, facts=PATH),
        Node(5, (14, 15), "e", visits=3, value=1.0, finished=True, score=1.0, facts=PATH),
        Node(5, (16,), "f", visits=1, value=-1.0, finished=True, score=0.0),
    )
)
LEAVES = (6, 7)
ROLLOUT = Rollout(Source("tree", 3), "p", PROMPT, tuple(TREE.response(each) for each in LEAVES), (1.0, 0.0), tree=TREE)


def predicted(batch: Any, scorer: CausalScorer, loss: Any) -> list[int]:
    """The tokens of whose log-probability the loss has a gradient."""
    views = scorer.score_batch(batch, NoReference(), Needs())
    for view in views.values():
        view.policy.retain_grad()
    loss(views).backward()
    found = []
    for name, view in views.items():
        ids = batch.forest.token_ids[batch.forest.response_index[batch.rows[name]]][:, : view.mask.shape[1]]
        counted = (view.policy.grad != 0) & view.mask
        found += ids[counted].tolist()
    return found


def test_no_gradient_comes_from_what_others_wrote() -> None:
    scorer = CausalScorer(tiny_model("llama"))
    examples = build_examples([ROLLOUT], build_pairing("siblings", path=False), build("simpo").requirements)
    whole = build_examples([ROLLOUT], build_pairing("best_worst"), build("simpo").requirements)
    assert len(examples) == 3 and len(whole) == 1
    objective = build("simpo")
    for batch in (collate(examples), collate(whole), collate([*examples, *whole])):
        trained = predicted(batch, scorer, lambda views: objective(**views).values.sum())
        assert set(TOOL + OTHER).isdisjoint(trained) and {14, 15, 16} <= set(trained)
        # Each token of the policy once for every response in which it is learned, and no other.
        counts = [token for each in batch.forest.sequences for token in each.learned_ids]
        assert sorted(trained) == sorted(counts)


def test_the_gradient_is_that_of_the_policys_tokens_alone() -> None:
    """The loss moves if the tool says something else, but it asks for no other probability of the tool's tokens."""
    model = tiny_model("llama")
    scorer = CausalScorer(model)
    batch = collate(build_examples([ROLLOUT], build_pairing("best"), build("nll").requirements))
    view = scorer.score_batch(batch, NoReference(), Needs())["chosen"]
    (ours,) = torch.autograd.grad(torch.where(view.mask, view.policy, 0.0).sum(), model.get_input_embeddings().weight)
    scorer.close()
    ids = [*PROMPT, *TREE.response(6).ids]
    logps = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    learned = TREE.response(6).learned
    assert learned is not None
    wanted = [logps[len(PROMPT) + at - 1, ids[len(PROMPT) + at]] for at, own in enumerate(learned) if own]
    (plain,) = torch.autograd.grad(torch.stack(wanted).sum(), model.get_input_embeddings().weight)
    assert len(wanted) == 6 and torch.allclose(ours, plain, atol=1e-4)


def test_a_shared_beginning_of_a_round_is_computed_once() -> None:
    examples = build_examples([ROLLOUT], build_pairing("siblings", path=False), build("dpo").requirements)
    together = collate(examples)
    # Prompt, and each node once; nodes of one beginning share its first token, too.
    apart = len(PROMPT) + sum(len(node.ids) for node in TREE.nodes)
    assert together.forest.tokens == apart - 2
    alone = [collate([each]) for each in examples]
    assert sum(each.forest.tokens for each in alone) > together.forest.tokens
    split = collate(examples, share=False)
    assert split.forest.tokens == split.forest.sequence_tokens == together.forest.sequence_tokens
    scorer = CausalScorer(tiny_model("llama"))
    views = scorer.score_batch(together, NoReference(), Needs())
    apart_views = scorer.score_batch(split, NoReference(), Needs())
    assert all(torch.allclose(view.policy, apart_views[name].policy, atol=1e-5) for name, view in views.items())
    for place, each in enumerate(alone):
        for name, view in scorer.score_batch(each, NoReference(), Needs()).items():
            own = views[name].policy[place][: view.policy.shape[1]]
            assert torch.allclose(own, view.policy[0], atol=1e-5)


def test_trees_of_two_prompts_share_no_more_than_before() -> None:
    other = Rollout(Source("tree", 4), "p", PROMPT, ROLLOUT.responses, (1.0, 0.0), tree=TREE)
    wanted = build("dpo").requirements
    one = collate(build_examples([ROLLOUT], build_pairing("siblings"), wanted))
    both = collate(build_examples([ROLLOUT, other], build_pairing("siblings"), wanted))
    assert both.forest.tokens == 2 * one.forest.tokens


def pairs(**settings: Any) -> list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Prompt, chosen and rejected tokens of each pair of siblings."""
    found = build_pairing("siblings", **settings).choose([ROLLOUT])
    return [
        (tuple(views["chosen"][0].prompt), tuple(views["chosen"][0].response), tuple(views["rejected"][0].response))
        for _rollout, views, _fields in found
    ]


FIRST = (PROMPT, (8, 9), (8, 10))
SECOND = ((*PROMPT, 8, 9, *TOOL), (11, 12), (11, 13))
THIRD = ((*PROMPT, 8, 9, *TOOL, 11, 12, *OTHER), (14, 15), (16,))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, [FIRST, SECOND, THIRD]),
        ({"gap": 1.0}, [FIRST, SECOND, THIRD]),
        ({"gap": 1.5}, [THIRD]),
        ({"relative_gap": 1.5}, [FIRST, THIRD]),
        ({"floor": 0.9}, [SECOND, THIRD]),
        ({"by": "score", "path": False}, [THIRD]),
        ({"overlap": 0.5}, [FIRST, SECOND, THIRD]),
    ],
)
def test_siblings_are_paired_by_what_the_search_found(settings: dict[str, Any], wanted: list[Any]) -> None:
    assert pairs(**settings) == wanted


def test_of_several_siblings_one_is_rejected() -> None:
    nodes = tuple(
        Node(ROOT, (20 + at,), f"{at}", visits=visits, value=value, facts={"gain": 0.0})
        for at, (visits, value) in enumerate([(1, 0.9), (5, 0.1), (3, 0.2), (3, 0.3)])
    )
    rollout = Rollout(Source(), "p", PROMPT, (Response("x", (1,), True),), (1.0,), tree=Tree(nodes))

    def chosen(**settings: Any) -> tuple[int, int]:
        [(_rollout, views, _fields)] = build_pairing("siblings", **settings).choose([rollout])
        return views["chosen"][0].response[0] - 20, views["rejected"][0].response[0] - 20

    assert chosen() == (1, 0) and chosen(rejected="second") == (1, 3)
    assert chosen(by="value") == (0, 1) and chosen(by="value", rejected="second") == (0, 3)
    drawn = {chosen(rejected="random", seed=seed)[1] for seed in range(20)}
    assert drawn == {0, 2, 3}


def test_equal_siblings_give_no_pair_and_visits_smooth_the_label() -> None:
    def fields(first: int, second: int) -> dict[str, float] | None:
        nodes = tuple(
            Node(ROOT, (20 + at,), f"{at}", visits=visits, value=0.5) for at, visits in enumerate((first, second))
        )
        rollout = Rollout(Source(), "p", PROMPT, (Response("x", (1,), True),), (1.0,), tree=Tree(nodes))
        wanted = build("cdpo").requirements
        found = build_examples([rollout], build_pairing("siblings", smoothing="visits"), wanted)
        return found[0].fields if found else None  # type: ignore[return-value]

    assert fields(3, 3) is None
    assert fields(3, 0) == {"probability": 1.0}
    assert fields(2, 6) == fields(6, 2) == {"probability": pytest.approx(1 - 0.25)}


def test_without_smoothing_no_label_is_doubted() -> None:
    [first, *_] = build_examples([ROLLOUT], build_pairing("siblings"), build("cdpo").requirements)
    assert first.fields == {}
