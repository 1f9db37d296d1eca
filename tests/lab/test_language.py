"""The language world: its grammar, its tokenizer, and its feedback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from penchant.lab.worlds.language import (
    Grammar,
    build_tokenizer,
    comparisons,
    demonstrations,
    grammatical_share,
    is_sentence,
    label_extremes,
    label_pairs,
    preference_probability,
    prompts,
    reward_distribution,
    sentences_of,
    split_words,
    tiny_model,
    true_reward,
    vocabulary,
    write_prompt,
    write_review,
)
from penchant.lab.worlds.language.grammar import expand
from penchant.lab.worlds.language.words import GRADES, PRODUCTS
from penchant.rendering.renderer import Renderer

DEMONSTRATIONS = demonstrations(300, seed=11)


def test_the_same_seed_gives_the_same_reviews() -> None:
    assert demonstrations(20, seed=4) == demonstrations(20, seed=4)
    assert demonstrations(20, seed=4) != demonstrations(20, seed=5)
    assert comparisons(5, seed=4) == comparisons(5, seed=4)


def test_the_vocabulary_has_a_few_hundred_words() -> None:
    words = vocabulary()
    assert 250 <= len(words) <= 500
    assert len(set(words)) == len(words)


def test_every_generated_review_is_grammatical_and_of_one_to_four_sentences() -> None:
    for record in DEMONSTRATIONS:
        assert grammatical_share(record["prompt"], record["completion"]) == 1.0, record
        assert 1 <= len(sentences_of(record["completion"])) <= 4


def test_no_opinion_is_repeated_in_a_generated_review() -> None:
    for record in DEMONSTRATIONS:
        opinions = [word for word in split_words(record["completion"]) if word in GRADES and word != "recommend"]
        assert len(opinions) == len(set(opinions)), record


def test_a_review_speaks_of_the_topic_it_was_asked_about() -> None:
    rng = random.Random(2)
    asked = [prompt for prompt in (write_prompt(rng) for _ in range(200)) if prompt.topic]
    assert len(asked) > 40
    assert all(prompt.topic and prompt.topic.word in split_words(write_review(prompt, rng)) for prompt in asked)


@pytest.mark.parametrize(
    ("product", "right", "wrong"),
    [
        ("kettle", "it is great .", "it are great ."),
        ("kettle", "this kettle works well .", "this kettle work well ."),
        ("kettle", "the buttons are weak .", "the buttons is weak ."),
        ("kettle", "it is an excellent kettle .", "it is a excellent kettle ."),
        ("boots", "they are great .", "it is great ."),
        ("boots", "these boots do not work well .", "these boots does not work well ."),
        ("boots", "the zip is weak , but i like them .", "the zip is weak , but i like it ."),
        ("boots", "what useful boots !", "what a useful boots !"),
        ("boots", "my sister loves them .", "my sister love them ."),
        ("kettle", "the kettle is great .", "the drill is great ."),
        ("kettle", "it is great .", "it is great"),
    ],
)
def test_agreement(product: str, right: str, wrong: str) -> None:
    assert is_sentence(right.split(), PRODUCTS[product])
    assert not is_sentence(wrong.split(), PRODUCTS[product])


def test_a_sentence_without_a_product_in_the_prompt_may_be_about_any() -> None:
    assert is_sentence("they are great .".split())
    assert is_sentence("the drill is great .".split())
    assert not is_sentence("great drill the .".split())


def test_a_grammar_names_symbols_that_nothing_defines() -> None:
    with pytest.raises(ValueError, match=r"NOUN"):
        Grammar(["S -> 1 the NOUN ."], {})


def test_a_grammar_accepts_exactly_what_it_can_write() -> None:
    rules = expand("S -> 1 A.$p B\nA.$p -> 1 x.$p\nB -> 1\nB -> 1 y", {"p": ["one/two", "two/one"]})
    grammar = Grammar(rules, {})
    language = {" ".join(grammar.sample("S", random.Random(seed))) for seed in range(60)}
    assert language == {"x.one", "x.two", "x.one y", "x.two y"}
    assert all(grammar.accepts(text.split(), "S") for text in language)
    assert not grammar.accepts("x.one y y".split(), "S")


def test_every_generated_word_is_in_the_tokenizer_and_comes_back() -> None:
    tokenizer = build_tokenizer()
    for record in DEMONSTRATIONS:
        for text in (record["prompt"], record["completion"]):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert tokenizer.unk_token_id not in ids
            assert len(ids) == len(split_words(text))
            assert tokenizer.decode(ids) == text


def test_prompt_and_response_meet_at_a_token_boundary() -> None:
    tokenizer = build_tokenizer()
    for record in DEMONSTRATIONS[:50]:
        together = tokenizer(record["prompt"] + " " + record["completion"])["input_ids"]
        apart = tokenizer(record["prompt"])["input_ids"]
        assert together[: len(apart)] == apart
        assert together.count(tokenizer.bos_token_id) == 1


def test_the_tokenizer_survives_saving(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = DEMONSTRATIONS[0]["completion"]
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.decode(loaded(text)["input_ids"], skip_special_tokens=True) == text
    named = ("bos_token", "eos_token", "pad_token", "unk_token")
    assert [getattr(loaded, name) for name in named] == [getattr(tokenizer, name) for name in named]
    assert len({getattr(loaded, f"{name}_id") for name in named}) == 4


def test_the_model_is_tiny_seeded_and_leaves_the_random_state_alone() -> None:
    import torch

    tokenizer = build_tokenizer()
    state = torch.random.get_rng_state()
    first, again, other = (tiny_model(tokenizer, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert sum(weight.numel() for weight in first.parameters()) < 1_000_000
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)
    assert first.config.vocab_size == len(tokenizer)


def test_prompts_are_different_and_avoid_those_named() -> None:
    known = [record["prompt"] for record in prompts(100, seed=1)]
    fresh = [record["prompt"] for record in prompts(300, seed=1, without=known)]
    assert len(set(known)) == 100 and len(set(fresh)) == 300
    assert not set(known) & set(fresh)


def test_labels_are_bradley_terry() -> None:
    prompt, good, bad = "review of the kettle:", "it is good.", "it is fine."
    difference = true_reward(prompt, good) - true_reward(prompt, bad)
    rng, trials, scale = random.Random(0), 4000, 5.0
    labelled = [label_pairs(prompt, [bad, good], scale=scale, rng=rng)[0] for _ in range(trials)]
    frequency = sum(pair["chosen"] == good for pair in labelled) / trials
    probability = preference_probability(difference, scale)
    assert 0.6 < probability < 0.95
    assert abs(frequency - probability) < 4 * (probability * (1 - probability) / trials) ** 0.5
    for pair in labelled[:20]:
        assert pair["chosen_score"] == true_reward(prompt, pair["chosen"])
        assert pair["rejected_score"] == true_reward(prompt, pair["rejected"])


def test_extremes_of_two_are_bradley_terry_too() -> None:
    prompt, good, bad = "review of the kettle:", "it is good.", "it is fine."
    rng, trials, scale = random.Random(0), 4000, 5.0
    frequency = sum(
        label_extremes(prompt, [bad, good], scale=scale, rng=rng)[0]["chosen"] == good for _ in range(trials)
    )
    probability = preference_probability(true_reward(prompt, good) - true_reward(prompt, bad), scale)
    assert abs(frequency / trials - probability) < 4 * (probability * (1 - probability) / trials) ** 0.5


def test_extremes_without_noise_are_best_and_worst() -> None:
    reviews = ["it is fine.", "it is bad.", "it is great.", "it is poor."]
    [pair] = label_extremes("review of the hat:", reviews, scale=1e9, rng=random.Random(0))
    assert pair["chosen"] == "it is great."
    assert pair["rejected_score"] == min(true_reward("review of the hat:", review) for review in reviews)
    assert label_extremes("review of the hat:", ["it is bad."] * 3, scale=1.0, rng=random.Random(0)) == []


def test_the_renderer_ends_every_response_exactly_once() -> None:
    tokenizer = build_tokenizer()
    renderer = Renderer(tokenizer)
    for record in DEMONSTRATIONS[:50]:
        ids = renderer.response_ids(record["prompt"], record["completion"])
        assert ids[-1] == tokenizer.eos_token_id and ids.count(tokenizer.eos_token_id) == 1
        assert ids[:-1] == tokenizer(record["completion"], add_special_tokens=False)["input_ids"]


def test_copies_and_equal_rewards_are_not_compared() -> None:
    rng = random.Random(0)
    assert label_pairs("review of the hat:", ["it is good.", "it is good."], scale=1.0, rng=rng) == []
    assert label_pairs("review of the hat:", ["it is good.", "it was good."], scale=1.0, rng=rng) == []
    assert len(label_pairs("review of the hat:", ["it is good.", "it is bad.", "it is fine."], scale=1.0, rng=rng)) == 3


@pytest.mark.parametrize("difference", [-1e4, 1e4])
def test_preference_probability_is_finite_at_extremes(difference: float) -> None:
    assert preference_probability(difference, 10.0) == (difference > 0)


def test_generated_reviews_are_balanced() -> None:
    distribution = reward_distribution(DEMONSTRATIONS)
    assert abs(distribution.mean) < 0.1
    assert 0.25 < distribution.deviation < 0.5
    assert 0.4 < distribution.positive < 0.6
    assert distribution.quartiles[0] < distribution.quartiles[1] < distribution.quartiles[2]
