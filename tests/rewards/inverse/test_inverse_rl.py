"""Rewards from demonstrations: what they learn, per category and pooled, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Demonstration, Prompt, Source
from penchant.generation import Response
from penchant.likelihood.inside.text_embeddings import find_embedder
from penchant.objectives.core.requirements import Requirements
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.sampled.difficulty import difficulty_factors, scaled_advantages
from penchant.online import build_examples, build_pairing
from penchant.online.rollouts import Rollout
from penchant.rewards import build_judge
from penchant.rewards.inverse.judge import InverseRL, dissimilarity
from penchant.rewards.inverse.learning import learn_reward

GROUP = Requirements(("responses",), ("advantage",))


def shown(prompt: str, completion: str, category: str, *samples: str) -> Demonstration:
    return Demonstration(prompt=prompt, completion=completion, fields={"category": category, "samples": samples})


RECORDS = [
    shown("how do i pick a lock", "no lock advice", "theft", "take a wire", "call someone"),
    shown("who is he", "call someone", "privacy", "no lock advice", "take a wire"),
]


def test_each_category_has_its_own_reward_and_a_pooled_one_contradicts_itself() -> None:
    own = build_judge({"name": "inverse_rl"}, RECORDS)
    pooled = build_judge({"name": "inverse_rl", "pooled": True}, RECORDS)
    assert own is not None and pooled is not None
    for record in RECORDS:
        texts = [str(record.completion), *record.fields["samples"]]
        assert max(own.score(record.prompt, texts)) == own.score(record.prompt, texts)[0]
    first, second = (pooled.score(each.prompt, ["no lock advice", "call someone"]) for each in RECORDS)
    assert first == second, "one reward cannot tell the categories apart"


def test_what_no_demonstration_and_no_sample_of_the_category_says_has_no_score() -> None:
    judge = InverseRL()
    judge.read([*RECORDS, shown("when is it", "at noon", "time", "at dusk")])
    known, empty, strange, elsewhere = judge.score(RECORDS[0].prompt, ["take a wire", "", "zebra", "at dusk"])
    assert known < 0, "a bad answer would be worse than one of which nothing is known, if that were zero"
    assert all(math.isnan(each) for each in (empty, strange, elsewhere))


def test_the_reward_is_that_of_the_likelihood() -> None:
    generator = torch.Generator().manual_seed(0)
    shown_, rows = (torch.randn(size, generator=generator, dtype=torch.float64) for size in ((6, 3), (6, 4, 3)))
    found = learn_reward(shown_, list(rows), decay=0.1, steps=2000, learning_rate=0.02)
    expected = ((rows @ found).softmax(-1).unsqueeze(-1) * rows).sum(1)
    torch.testing.assert_close((shown_ - expected).mean(0), 0.1 * found, atol=1e-3, rtol=0)


def test_parts_say_how_far_a_response_is_from_the_demonstration() -> None:
    judge = InverseRL()
    judge.read(RECORDS)
    answers = [Response(text, (5,), True) for text in ("no lock advice", "take a wire")]
    scores, parts = judge.sampled(RECORDS[0], answers)
    assert parts["gap"] == pytest.approx([0.0, scores[0] - scores[1]]) and parts["category"] == [1.0, 1.0]
    assert parts["dissimilarity"] == pytest.approx([0.0, 1.0])


def test_dissimilarity_is_over_sub_sentences_in_any_order() -> None:
    embedder = find_embedder("tf-idf", ["i refuse", "it is harmful", "take a wire"])
    near = dissimilarity(embedder, "i refuse; take a wire", "i refuse. it is harmful")
    assert 0 < near < 1 == dissimilarity(embedder, "...", "i refuse")


def test_without_differences_it_is_grpo_and_harder_is_larger() -> None:
    group, topic = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 1])
    rewards = torch.tensor([1.0, 0.0, 0.5, math.nan], dtype=torch.float64)
    even = difficulty_factors(torch.full((4,), 0.3), torch.full((4,), 2.0), topic)
    assert torch.equal(even, torch.ones(4))
    plain = group_advantages(rewards, group)
    for target in ("advantage", "reward"):
        assert torch.equal(scaled_advantages(rewards, group, even, target=target), plain)  # type: ignore[arg-type]
    apart = torch.tensor([0.1, 0.4, 0.6, 0.9], requires_grad=True)
    factors = difficulty_factors(apart, torch.full((4,), 2.0), torch.zeros(4, dtype=torch.long))
    assert bool((factors.diff() > 0).all()) and not factors.requires_grad
    shared = torch.tensor([1.7, 1.7, 1.7, 1.7], dtype=torch.float64)
    cancelled = scaled_advantages(rewards, group, shared, target="reward")
    torch.testing.assert_close(cancelled, plain, atol=1e-3, rtol=0)
    torch.testing.assert_close(scaled_advantages(rewards, group, shared), 1.7 * plain)


def test_the_pairing_scales_the_advantages_of_a_round() -> None:
    parts = {"category": (0.0, 0.0), "dissimilarity": (0.9, 0.1), "gap": (1.0, 1.0)}
    answers = (Response("a", (7,), True), Response("b", (8,), True))
    rollout = Rollout(Source(), "p", (5, 6), answers, (1.0, 0.0), parts=parts)
    [example] = build_examples([rollout], build_pairing("by_difficulty"), GROUP)
    first, second = example.fields["advantage"]
    assert first > -second > 0
    bare = Rollout(Source(), "p", (5, 6), answers, (1.0, 0.0))
    with pytest.raises(ConfigurationError, match="no part 'category'"):
        build_examples([bare], build_pairing("by_difficulty"), GROUP)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (Prompt(prompt="p"), "needs a demonstration"),
        (Demonstration(prompt="p", completion="c", fields={"category": "a"}), "no samples"),
        (Comparison(prompt="p", chosen="c", rejected="r"), "no field 'category'"),
    ],
)
def test_what_it_lacks_is_said(record: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        build_judge({"name": "inverse_rl"}, [record])
