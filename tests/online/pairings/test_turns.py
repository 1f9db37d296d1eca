"""Turns with advantages: one scale for their rewards, and what an invalid action costs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from online.test_conversations import drawn, keys_of, parrot
from penchant.errors import ConfigurationError
from penchant.feedback.records import Source
from penchant.online import build_pairing
from penchant.online.recipe import packaged_keys
from penchant.online.rollouts import Rollout
from penchant.online.trees import INVALID, ROOT, Node, Tree
from small_runs import losses, metrics


def rollout(*talks: tuple[float, list[float], list[float]]) -> Rollout:
    """Conversations about one task: for each its score, the rewards of its turns, and which of them are invalid."""
    nodes: list[Node] = []
    for score, rewards, invalid in talks:
        for place, (reward, wrong) in enumerate(zip(rewards, invalid, strict=True)):
            facts = {"agent": float(place % 2), "step_reward": reward} | ({INVALID: 1.0} if wrong else {})
            last = place == len(rewards) - 1
            parent = len(nodes) - 1 if place else ROOT
            nodes.append(Node(parent, (5,), "a", context=(1,), score=score if last else math.nan, facts=facts))
    return Rollout(
        Source("tasks.jsonl", len(nodes)), "p", (1,), (), tuple(each[0] for each in talks), tree=Tree(tuple(nodes))
    )


TASKS = [
    rollout((1.0, [0.2, 0.4], [0, 1]), (0.0, [0.1, -0.3], [0, 0])),
    rollout((1.0, [2.0, 0.5], [0, 0]), (0.5, [0.1, 0.1], [0, 0])),
]


def advantages(**settings: Any) -> list[float]:
    pairing = build_pairing("turns", step_weight=1.0, **settings)
    return [fields["advantage"][0] for _rollout, _views, fields in pairing.choose(TASKS)]


def test_rewards_of_turns_are_divided_by_the_largest_rest_of_the_round() -> None:
    outcome = [fields["advantage"][0] for _, _, fields in build_pairing("turns").choose(TASKS)]
    own = [both - whole for both, whole in zip(advantages(), outcome, strict=True)]
    normed = [both - whole for both, whole in zip(advantages(istar_norm=True), outcome, strict=True)]
    assert normed == pytest.approx([each / 2.5 for each in own], abs=1e-5), "2.0 + 0.5 of the second task"
    assert outcome == pytest.approx([1, 1, -1, -1, 0.5, 0.5, -0.5, -0.5]), "w = 0 is the method of outcomes"


def test_an_invalid_turn_alone_is_lowered() -> None:
    lost = [before - after for before, after in zip(advantages(), advantages(invalid_penalty=0.1), strict=True)]
    assert lost == pytest.approx([0, 0.1, 0, 0, 0, 0, 0, 0])
    assert packaged_keys("oprl")["pairing"]["invalid_penalty"] == 0.1, "as in the released code"


def test_a_sampler_says_which_turns_are_valid() -> None:
    found = drawn(parrot("the car", "is red", "", "the hat"), turns=4, valid="the (car|hat)")
    assert [each.facts.get(INVALID, 0.0) for each in found.tree.nodes] == [0, 1, 1, 0]
    assert found.facts["invalid"] == 0.5
    assert drawn(parrot("the car", "", "red", "red"), turns=4).facts["invalid"] == 0.25, "only what says nothing"
    with pytest.raises(ConfigurationError, match="is no regular expression"):
        drawn(parrot("red"), valid="(")


def test_a_run_starts_with_rewards_of_zero_and_learns_with_both_options(online: Run, tmp_path: Path) -> None:
    keys = keys_of(tmp_path, "oprl")
    keys["sampler"] = {**keys["sampler"], "valid": "the .*"}
    done = online("run", **keys, pairing={"istar_norm": True})
    assert done.summary["steps"] > 0 and all(math.isfinite(each) for each in losses(done.folder))
    rows = [row for row in metrics(done.folder).values() if "sampled/invalid" in row]
    assert rows and all(0 < row["sampled/invalid"] <= 1 for row in rows)
    first, second = (
        json.loads((done.folder / "rounds" / f"0000{each}" / "rollouts.json").read_text(encoding="utf-8"))
        for each in (1, 2)
    )
    rewards = [
        [abs(node["facts"]["step_reward"]) for each in kept for node in each["tree"]] for kept in (first, second)
    ]
    assert max(rewards[0]) < 1e-6 < max(rewards[1]), "φ = old in the first round"
