"""The language world's dials: attributes by hand, and labels that do what the dials say."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
import torch

from penchant.errors import ConfigurationError, TrainingError
from penchant.feedback import read
from penchant.lab import Annotator, LanguageWorld
from penchant.lab.worlds.language import build_tokenizer, tiny_model, true_reward
from penchant.lab.worlds.language.attributes import helpful, length_of, polite, sentiment, short
from penchant.lab.worlds.language.courtesies import POLITE, RUDE, add_courtesy, without_courtesy
from penchant.lab.worlds.language.grammar import split_words

PROMPT = "review of the kettle:"
SHORT_FIRST = Annotator("hurried", {"short": 2.0})
HELPFUL_FIRST = Annotator("curious", {"helpful": 2.0}, share=3.0)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        # sentiment as the review without formulas; features 0 to 3 of 3; 1 − words / 40; the formulas
        ("it is great.", (0.8 / 1.5, 0.0, 36 / 40, 0.0)),
        ("thank you for asking! it is great.", (0.8 / 1.5, 0.0, 31 / 40, 1.0)),
        ("the lid is good. the motor is good. stop asking me.", (0.6 / 2.5, 2 / 3, 26 / 40, -1.0)),
        ("thank you for asking! it is great. stop asking me.", (0.8 / 1.5, 0.0, 27 / 40, 0.0)),
        ("lid motor base.", (-0.75 / 1.5, 0.0, 0.0, 0.0)),
        ("the lining is good.", ((0.6 - 0.75) / 1.5, 0.0, 0.0, 0.0)),  # a kettle has none
        ("", (-0.75 / 1.5, 0.0, 0.0, 0.0)),
    ],
)
def test_attributes_are_those_computed_by_hand(response: str, expected: tuple[float, ...]) -> None:
    found = LanguageWorld().attributes(PROMPT, response)
    assert list(found) == ["sentiment", "helpful", "short", "polite"]
    assert tuple(found.values()) == pytest.approx(expected)


def test_a_fourth_feature_helps_nobody() -> None:
    features = ("lid", "motor", "base", "handle")
    reviews = [" ".join(f"the {feature} is good." for feature in features[:count]) for count in range(5)]
    assert [round(helpful(PROMPT, review), 2) for review in reviews] == [0.0, 0.33, 0.67, 1.0, 1.0]


def test_formulas_are_added_as_often_as_told_and_can_be_taken_away() -> None:
    rng = random.Random(0)
    drawn = [add_courtesy("it is great.", 0.6, rng) for _ in range(2000)]
    manners = Counter(polite(PROMPT, each) for each in drawn)
    assert abs(manners[1.0] / 2000 - 0.3) < 0.04 and abs(manners[-1.0] / 2000 - 0.3) < 0.04
    assert {without_courtesy(each) for each in drawn} == {"it is great."}
    assert all(sentiment(PROMPT, each) == true_reward(PROMPT, "it is great.") for each in drawn)


def test_the_tokenizer_writes_everything_that_the_world_says() -> None:
    world = LanguageWorld(courtesy=1.0)
    tokenizer = world.tokenizer()
    said = [record["completion"] for record in world.demonstrations(50)] + [*POLITE, *RUDE]
    for text in said:
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    assert build_tokenizer().get_vocab().items() < tokenizer.get_vocab().items(), "the quickstart's words come first"


def test_the_same_seed_gives_the_same_pairs_and_they_can_be_trained_on() -> None:
    world = LanguageWorld()
    pairs = world.pairs(30, seed=4)
    assert pairs == world.pairs(30, seed=4) != world.pairs(30, seed=5)
    feedback = read(pairs)
    assert feedback.kind == "comparison" and feedback[0].fields["annotator"] == "everybody"
    for pair in pairs:
        assert pair["chosen_score"] == world.reward(pair["prompt"], pair["chosen"])
        lead = pair["chosen_score"] - pair["rejected_score"]
        assert pair["probability"] == pytest.approx(1 / (1 + math.exp(-6 * lead)))


def test_labels_follow_the_reward_as_surely_as_the_scale_says() -> None:
    pairs = LanguageWorld(scale=3.0).pairs(500, seed=1)
    surprises = sum(pair["chosen_score"] < pair["rejected_score"] for pair in pairs)
    leads = [abs(pair["chosen_score"] - pair["rejected_score"]) for pair in pairs]
    expected = sum(1 / (1 + math.exp(3 * lead)) for lead in leads)
    assert abs(surprises - expected) < 4 * math.sqrt(expected)


def _share_longer(world: LanguageWorld, count: int = 300) -> float:
    lengths = [(length_of(pair["chosen"]), length_of(pair["rejected"])) for pair in world.pairs(count, seed=2)]
    told = [chosen > rejected for chosen, rejected in lengths if chosen != rejected]
    return sum(told) / len(told)


def test_length_bias_makes_longer_reviews_chosen_and_leaves_the_reward_alone() -> None:
    fair, biased = LanguageWorld(), LanguageWorld(length_bias=0.3)
    assert 0.42 < _share_longer(fair) < 0.58 and _share_longer(biased) > 0.66
    assert fair.reward(PROMPT, "it is great.") == biased.reward(PROMPT, "it is great.")


def test_the_bias_is_a_logit_a_token() -> None:
    """Two responses of equal reward, ten tokens apart."""
    world = LanguageWorld({"polite": 1.0}, length_bias=0.1)
    first, second = "the lid is good. " * 4, "the lid is good. " * 2
    assert length_of(first) - length_of(second) == 10
    rng = random.Random(0)
    chosen = sum(world.compare(PROMPT, first, second, rng)["chosen"] == first for _ in range(1500)) / 1500
    assert abs(chosen - 1 / (1 + math.exp(-1.0))) < 0.04


def test_flips_turn_as_many_labels_round_as_told() -> None:
    pairs = LanguageWorld({"short": 1.0}, flips=0.3, scale=1e6).pairs(800, seed=3)
    assert abs(sum(pair["flipped"] for pair in pairs) / 800 - 0.3) < 0.05
    for pair in pairs:
        if pair["chosen_score"] != pair["rejected_score"]:
            assert pair["flipped"] == (pair["chosen_score"] < pair["rejected_score"])


def test_groups_disagree_and_label_by_their_shares() -> None:
    world = LanguageWorld(annotators=[SHORT_FIRST, HELPFUL_FIRST], scale=1e6)
    pairs = world.pairs(600, seed=0)
    assert abs(Counter(pair["annotator"] for pair in pairs)["curious"] / 600 - 0.75) < 0.06
    for pair in pairs:
        chosen, rejected = (pair[side] for side in ("chosen", "rejected"))
        by_group = [world.reward(pair["prompt"], side, pair["annotator"]) for side in (chosen, rejected)]
        assert by_group[0] >= by_group[1]
    short_chosen = {
        name: sum(
            short(pair["prompt"], pair["chosen"]) > short(pair["prompt"], pair["rejected"])
            for pair in pairs
            if pair["annotator"] == name
        )
        / sum(pair["annotator"] == name for pair in pairs)
        for name in ("hurried", "curious")
    }
    assert short_chosen["hurried"] > 0.9 and short_chosen["curious"] < 0.45


def test_the_reward_of_all_is_the_mean_by_shares() -> None:
    world = LanguageWorld(annotators=[SHORT_FIRST, HELPFUL_FIRST])
    text = "the lid is good. the motor is good."
    each = [world.reward(PROMPT, text, name) for name in ("hurried", "curious")]
    assert each == pytest.approx([2 * (1 - 10 / 40), 4 / 3])
    assert world.reward(PROMPT, text) == pytest.approx(0.25 * each[0] + 0.75 * each[1])


def test_a_group_may_be_more_careless_than_the_world() -> None:
    careful = Annotator("careful", {"short": 1.0}, flips=0.0)
    world = LanguageWorld(annotators=[careful, SHORT_FIRST], flips=0.4)
    pairs = world.pairs(400, seed=6)
    flips = {name: [pair["flipped"] for pair in pairs if pair["annotator"] == name] for name in ("careful", "hurried")}
    assert sum(flips["careful"]) == 0
    assert abs(sum(flips["hurried"]) / len(flips["hurried"]) - 0.4) < 0.12


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        (lambda: LanguageWorld({"sentimant": 1.0}), "Did you mean 'sentiment'"),
        (lambda: LanguageWorld({}), "There are no weights"),
        (lambda: LanguageWorld(flips=0.6, scale=0.0), r"scale = 0.0, flips = 0.6"),
        (lambda: Annotator("one", {"short": 1.0}, share=0.0), "share above 0"),
        (lambda: LanguageWorld().reward(PROMPT, "", "nobody"), "no annotator 'nobody'"),
    ],
)
def test_a_wrong_dial_is_said(make: object, phrase: str) -> None:
    with pytest.raises(ConfigurationError, match=phrase):
        make()  # type: ignore[operator]


def test_a_policy_that_never_ends_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LanguageWorld, "longest", 1)  # what ends at once says nothing
    world = LanguageWorld()
    model = tiny_model(world.tokenizer(), hidden=32, layers=1)
    with pytest.raises(TrainingError, match=r"0 comparisons instead of 4.*world\.policy"):
        world.pairs(4, policy=model)


def test_a_policy_whose_responses_end_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LanguageWorld, "longest", 12)
    world = LanguageWorld({"polite": 1.0})
    model = tiny_model(world.tokenizer(), hidden=32, layers=1)
    end_often(model.lm_head, world.tokenizer().eos_token_id)
    pairs = world.pairs(5, seed=1, policy=model)
    assert len(pairs) == 5 and pairs == world.pairs(5, seed=1, policy=model)
    known = set(world.tokenizer().get_vocab())
    assert all(set(split_words(pair["chosen"])) <= known for pair in pairs)


def end_often(head: torch.nn.Module, end: int) -> None:
    """The head gives the end token six nats more."""
    extra = torch.zeros(head.weight.shape[0])
    extra[end] = 6.0
    head.register_forward_hook(lambda _head, _inputs, logits: logits + extra)
