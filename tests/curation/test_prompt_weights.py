"""Weights of objectives that follow from the prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from penchant.curation.prompt_weights import ObjectiveWeights, fit_adapter, target_weights
from penchant.errors import DataError
from penchant.feedback import read


@pytest.mark.parametrize("scale", ["z-score", "min-max"])
def test_targets_are_weights_that_do_not_depend_on_the_zero_of_a_reward(scale: str) -> None:
    rewards = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = target_weights(rewards, 0.5, scale)  # type: ignore[arg-type]
    moved = target_weights(3 * rewards + torch.tensor([1.0, -4.0, 9.0]), 0.5, scale)  # type: ignore[arg-type]
    assert bool((found > 0).all()) and torch.allclose(found.sum(-1), torch.ones(20, dtype=torch.float64))
    assert torch.allclose(found, moved)
    even = target_weights(torch.full((4, 3), 2.0), 1.0, scale)  # type: ignore[arg-type]
    assert torch.allclose(even, torch.full((4, 3), 1 / 3))


def test_the_network_learns_targets_that_follow_from_the_state_and_leaves_the_global_seed_alone() -> None:
    states = torch.eye(2, dtype=torch.float64).repeat(10, 1)
    targets = torch.tensor([[0.9, 0.1], [0.2, 0.8]], dtype=torch.float64).repeat(10, 1)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    weights = fit_adapter(states, targets, steps=300, learning_rate=0.02)(states[:2])
    assert torch.equal(before, torch.get_rng_state())
    assert torch.allclose(weights, targets[:2], atol=0.02)


def test_weights_of_other_prompts_follow_their_topic(tmp_path: Path) -> None:
    path = tmp_path / "judges.py"
    path.write_text(
        "def kind(prompt, response):\n    return float('please' in response)\n\n\n"
        "def exact(prompt, response):\n    return float('exactly' in response)\n"
    )
    pairs = [
        {"prompt": f"{topic} {word}", "chosen": said, "rejected": "no"}
        for topic, said in (("poem", "please"), ("sum", "exactly"))
        for word in ("one", "two", "three", "four", "five")
    ]
    learned = tmp_path / "pairs.jsonl"
    learned.write_text("".join(json.dumps(each) + "\n" for each in pairs))
    judge = [f"function,path={path}:{name}" for name in ("kind", "exact")]
    builder = ObjectiveWeights(judge=judge, fit_on=learned, learning_rate=0.02, embedder="tf-idf")
    rows = builder.build(read([{"prompt": "a poem of two"}, {"prompt": "a sum of three"}])).rows
    (kind, exact), (kind_of_sum, exact_of_sum) = (row["objective_weights"] for row in rows)
    assert kind > 0.7 and exact_of_sum > 0.7
    assert kind + exact == pytest.approx(1) and kind_of_sum + exact_of_sum == pytest.approx(1)


def test_without_any_scored_response_there_is_nothing_to_learn(tmp_path: Path) -> None:
    path = tmp_path / "judges.py"
    path.write_text("def nothing(prompt, response):\n    return None\n")
    pairs = read([{"prompt": "p", "chosen": "a", "rejected": "b"}])
    with pytest.raises(DataError, match="nothing to learn weights from"):
        ObjectiveWeights(judge=[f"function,path={path}:nothing"]).build(pairs)
