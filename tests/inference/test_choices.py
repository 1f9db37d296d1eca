"""Choices among samples: their limits, their ties, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Prompt
from penchant.generation.responses import Response
from penchant.inference.choice import Picked, build_choice
from penchant.inference.directions import neighbours, unit
from penchant.inference.selection import best, borda, combined_scores, knock_out, soft_probabilities
from penchant.inference.solutions import rerank, rerank_table
from penchant.rewards.functions import FunctionJudge
from penchant.rewards.judge import Judge
from penchant.rewards.two_words import TwoWords
from small_runs import word_tokenizer


def judge_of(scores: dict[str, float | None]) -> Judge:
    return FunctionJudge(lambda prompt, response: scores[response])


def responses(*texts: str) -> list[Response]:
    return [Response(text, (7,), True) for text in texts]


def picked(choice: dict[str, Any], scores: dict[str, float | None], seed: int = 0, judges: int = 1) -> Picked:
    made = build_choice(choice, [judge_of(scores)] * judges)
    return made.pick(Prompt(prompt="p"), responses(*scores), seed)


def test_best_of_n_takes_the_first_of_the_best_and_never_what_cannot_be_scored() -> None:
    assert picked({"name": "best-of-n"}, {"a": 1.0, "b": 3.0, "c": 3.0}).place == 1
    assert picked({"name": "best-of-n"}, {"a": None, "b": -9.0}).place == 1
    assert picked({"name": "best-of-n"}, {"a": None, "b": None}).place == 0
    assert picked({"name": "best-of-n", "rule": "soft"}, {"a": None, "b": -9.0}).place == 1
    assert picked({"name": "best-of-n", "rule": "borda"}, {"a": None, "b": -9.0, "c": -8.0}).place == 2


def test_with_one_sample_every_rule_is_plain_sampling() -> None:
    for rule in ("best", "soft", "majority", "knock-out", "borda"):
        assert picked({"name": "best-of-n", "rule": rule}, {"a": -2.0}).place == 0


def test_hard_rules_do_not_depend_on_the_scale_of_the_score() -> None:
    scores = {"a": 0.3, "b": -1.0, "c": 0.9, "d": 0.1}
    for change in (lambda s: 100 * s - 7, math.exp, lambda s: s**3):
        for rule in ("best", "borda", "knock-out"):
            changed = {name: change(score) for name, score in scores.items()}
            assert picked({"name": "best-of-n", "rule": rule}, changed).place == 2


def test_the_soft_rule_goes_from_best_of_n_to_a_uniform_draw() -> None:
    scores = [0.0, 1.0, 3.0]
    assert soft_probabilities(scores, 1e-3)[best(scores)] == pytest.approx(1.0)
    assert soft_probabilities(scores, 1e9) == pytest.approx([1 / 3] * 3)
    drawn = [picked({"name": "best-of-n", "rule": "soft"}, {"a": 0.0, "b": 1.0}, seed).place for seed in range(400)]
    assert sum(map(bool, drawn)) / 400 == pytest.approx(1 / (1 + math.exp(-1)), abs=0.08)


def test_a_weighted_majority_adds_up_the_scores_of_equal_numbers() -> None:
    scores = {"It is 4.": 0.9, "It is 5.": 0.5, "A: 5.0": 0.6, "none": 0.99}
    assert picked({"name": "best-of-n", "rule": "majority"}, scores).place == 2
    with pytest.raises(ConfigurationError, match=r"(?s)one of them is below 0.*at least 0"):
        picked({"name": "best-of-n", "rule": "majority"}, {"1": -1.0, "2": 0.5})


def test_knock_out_and_borda_find_the_winner_of_all_duels_and_differ_on_cycles() -> None:
    strength = torch.tensor([0.2, 2.0, -1.0, 0.7, 0.1])
    table = (strength[:, None] - strength[None]).sigmoid()
    assert {knock_out(table, seed) for seed in range(20)} == {1} == {best(borda(table))}
    cycle = torch.tensor([[0.5, 1.0, 0.0], [0.0, 0.5, 1.0], [1.0, 0.0, 0.5]])
    assert borda(cycle) == [0.5, 0.5, 0.5] and len({knock_out(cycle, seed) for seed in range(30)}) == 3


def test_an_ensemble_combines_standardised_scores() -> None:
    table = torch.tensor([[0.0, 1.0, 2.0], [30.0, 20.0, 10.0]])
    assert combined_scores(table, "mean") == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert best(combined_scores(table, "worst")) == 1 == best(combined_scores(table, "uncertainty"))
    assert combined_scores(table[:1], "worst") == [0.0, 1.0, 2.0], "one judge keeps its scale"
    assert combined_scores(torch.ones(2, 3), "mean") == [0.0, 0.0, 0.0]


def test_a_missing_judge_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)best-of-n needs a judge, and none is given.*--judge"):
        build_choice({"name": "best-of-n"})
    with pytest.raises(ConfigurationError, match="uses 1 judge, and 2 are given"):
        build_choice({"name": "solution-rerank"}, [judge_of({})] * 2)
    with pytest.raises(ConfigurationError, match=r"(?s)direction has 2 weights, and 1 judges.*judges="):
        build_choice({"name": "rps", "direction": [1.0, 1.0], "names": ["a", "b"]}, [judge_of({})])


TEXTS = ["A: 4", "A: 5", "A: 5.0", "A: 6", "A: 6", "A: 6", "no idea"]
SCORES = [0.8, 0.2, 0.3, 0.7, 0.1, 0.1, 1.0]


def test_reranking_goes_from_the_majority_to_best_of_n() -> None:
    assert rerank(TEXTS, SCORES, 1).place == 3, "the majority, and its best member"
    assert rerank(TEXTS, SCORES, 2).place == 3
    assert rerank(TEXTS, SCORES, 3).place == rerank(TEXTS, SCORES).place == 0, "best-of-N among what can be read"
    found = rerank(TEXTS, SCORES, 1)
    assert found.sizes == {"6": 3, "5": 2, "4": 1} and found.unreadable == 1
    assert rerank(["A: 1", "A: 2"], [0.1, 0.4], 1).place == 1, "equal clusters: by score"
    assert rerank(["?"], [0.4]).place is None
    chosen = build_choice({"name": "solution-rerank", "clusters": 1}, [judge_of(dict(zip(TEXTS, SCORES, strict=True)))])
    row = chosen.pick(Prompt(prompt="p"), responses(*TEXTS), 0)
    assert row.place == 3 and row.facts == {"clusters": {"6": 3, "5": 2, "4": 1}, "unreadable": 1}


def test_a_perfect_evaluator_reaches_the_ceiling_of_the_kept_clusters() -> None:
    generator = torch.Generator().manual_seed(0)
    problems = []
    for _ in range(60):
        answers = torch.randint(6, (12,), generator=generator).tolist()
        problems.append(
            (
                [f"A: {each}" for each in answers],
                [float(each == 3) for each in answers],
                [each == 3 for each in answers],
            )
        )
    found = rerank_table(problems, clusters=(2, 4))
    assert found["rerank all"] == found["weighted majority"] == found["pass@N"] > found["rerank top-4"]
    assert found["rerank top-4"] > found["rerank top-2"] > found["majority"] >= found["first"] - 0.1


def test_solutions_of_six_systems_are_reranked(shared: Any) -> None:
    import gzip
    import json

    problems = []
    with gzip.open(shared / "data" / "gsm8k_solutions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            right = [each["correct"] for each in row["responses"]]
            problems.append(([each["text"] for each in row["responses"]], [float(each) for each in right], right))
    found = rerank_table(problems, clusters=(2,))
    assert len(problems) == 1058
    assert found["first"] < found["majority"] < found["rerank top-2"] < found["pass@N"]
    assert found["rerank all"] == pytest.approx(found["pass@N"], abs=0.005), "but for answers that cannot be read"


def test_directions_stay_within_the_angle_and_have_length_one() -> None:
    for target in ([1.0, 0.2], [0.1, 1.0, 0.4], [3.0, -1.0, 0.0, 2.0]):
        for one in neighbours(target, 50, 30.0, seed=1):
            assert math.hypot(*one) == pytest.approx(1.0)
            assert sum(a * b for a, b in zip(one, unit(target), strict=True)) >= math.cos(math.radians(30)) - 1e-9
    assert all(one == pytest.approx(unit([1.0, 1.0])) for one in neighbours([1.0, 1.0], 3, 0.0))
    assert neighbours([0.0, 1.0], 4, 30.0, with_target=True)[0] == [0.0, 1.0]
    assert min(min(one) for one in neighbours([0.05, 1.0], 40, 30.0)) == 0.0, "no negative weights"
    with pytest.raises(ConfigurationError, match="not all 0"):
        unit([0.0, 0.0])


def test_robust_selection_asks_with_each_direction_and_judges_with_the_wanted_one() -> None:
    helpful = FunctionJudge(lambda prompt, response: float(response.count("h")))
    brief = FunctionJudge(lambda prompt, response: -float(len(response)))
    settings = {"name": "rps", "direction": [3.0, 4.0], "names": ["help", "brevity"], "directions": 3, "angle": 20.0}
    choice = build_choice(settings, [helpful, brief])
    asked: list[Any] = []

    def sample(prompts: Sequence[Any], count: int, seed: int) -> list[list[Response]]:
        asked.extend(prompts)
        return [responses("hhhh") if place % 3 == 1 else responses("hhh" * 4) for place, _ in enumerate(prompts)]

    found = choice.respond([Prompt(prompt="q"), Prompt(prompt="r")], sample, 1, 0)
    assert len(asked) == 6 and all("help 0." in each and each.endswith(("\n\nq", "\n\nr")) for each in asked)
    assert [each.place for each in found] == [1, 1]
    assert found[0].scores == pytest.approx([0.6 * 12 - 0.8 * 12, 0.6 * 4 - 0.8 * 4, 0.6 * 12 - 0.8 * 12])
    assert choice.asked([{"role": "user", "content": "q"}], [0.6, 0.8])[0]["role"] == "system"


def test_the_evaluator_reads_one_word_against_the_other() -> None:
    tokenizer = word_tokenizer()
    model = tiny_model("llama")
    judge = TwoWords(model, tokenizer, question="good ?", words=["good", "bad"])
    texts = [" the car is red", " the hat was not old and good", " red"]
    found = judge.score("which colour is the car", texts)
    for text, share in zip(texts, found, strict=True):
        asked = judge.renderer.prompt_ids(f"which colour is the car{text}\n\ngood ?\n")
        with torch.no_grad():
            chances = model(torch.tensor([asked])).logits[0, -1].double().softmax(-1)
        good, bad = (chances[tokenizer.get_vocab()[word]] for word in ("good", "bad"))
        assert share == pytest.approx(float(good / (good + bad)), abs=1e-6)
    odds = torch.tensor(found, dtype=torch.float64).logit()
    torch.testing.assert_close(judge.compare("which colour is the car", texts), (odds[:, None] - odds).sigmoid())
    with pytest.raises(ModelError, match="begin with the same token"):
        TwoWords(model, tokenizer, words=["unknown", "words"]).score("the", ["car"])
