"""Facts about invented people: what the model learns, what is asked, and what it knows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from penchant.errors import ConfigurationError
from penchant.lab import FactsWorld, Pretraining
from penchant.lab.worlds.facts import SPLITS, SUBJECTS, invent_people
from penchant.lab.worlds.language import tiny_model

# Enough for a model this small to learn eight people's facts.
WORLD = FactsWorld(
    people=8, strangers=8, pretraining=Pretraining(0, epochs=14, batch_size=32, learning_rate=1e-2, width=32)
)


def test_people_have_different_names_and_one_value_of_each_subject() -> None:
    people = invent_people(200, seed=1)
    assert len({person.name for person in people}) == 200
    assert people == invent_people(200, seed=1) and people[:5] == invent_people(5, seed=1)
    assert people[:5] != invent_people(5, seed=2)
    for place, subject in enumerate(SUBJECTS):
        counts = Counter(person.values[place] for person in people)
        assert set(counts) == set(subject.values) and max(counts.values()) < 60


def test_all_subjects_have_as_many_wordings_and_values() -> None:
    shapes = {(len(each.values), len(each.questions), len(each.answers)) for each in SUBJECTS}
    assert shapes == {(8, 3, 2)}


def test_splits_share_nobody_and_cover_everybody() -> None:
    names = {split: {person.name for person in FactsWorld().persons(split)} for split in SPLITS}
    assert [len(each) for each in names.values()] == [6, 18, 8]
    assert len(set.union(*names.values())) == 32


def test_wordings_ask_for_the_same_fact() -> None:
    plain, other = WORLD.records("forget"), WORLD.records("forget", question=2, answer=1)
    for first, second in zip(plain, other, strict=True):
        assert first["prompt"] != second["prompt"] and first["completion"] != second["completion"]
        assert all(first[name] == second[name] for name in ("person", "subject", "answer"))
        assert first["answer"] in first["completion"] and first["answer"] in second["completion"]


def test_the_right_answer_is_rewarded_in_any_words_and_no_other_one() -> None:
    for record in WORLD.records("retain", question=1, answer=1):
        assert WORLD.reward(record["prompt"], record["completion"]) == 1.0
        subject = next(each for each in SUBJECTS if each.name == record["subject"])
        assert WORLD.reward(record["prompt"], " ".join(subject.values)) == 0.0
        assert WORLD.reward(record["prompt"], "nobody knows.") == 0.0
    with pytest.raises(ConfigurationError, match="This world has no question"):
        WORLD.reward("who is there?", "nobody.")


def test_in_pairs_the_right_answer_is_chosen() -> None:
    pairs = WORLD.pairs(40, seed=1)
    assert {(pair["chosen_score"], pair["rejected_score"]) for pair in pairs} == {(1.0, 0.0)}
    prompt, right, wrong = WORLD.written(random.Random(0))
    assert WORLD.reward(prompt, right) == 1.0 and WORLD.compare(prompt, wrong, wrong, random.Random(0)) is None


def test_the_tokenizer_knows_every_word() -> None:
    tokenizer = WORLD.tokenizer()
    for split in SPLITS:
        for question, answer in ((0, 0), (1, 1), (2, 0)):
            for record in WORLD.records(split, question, answer):
                for text in (record["prompt"], record["completion"]):
                    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_a_world_without_what_is_forgotten_tells_the_rest() -> None:
    forgotten = {record["person"] for record in WORLD.records("forget")}
    learned = {record["person"] for record in WORLD.without_forgotten().demonstrations()}
    assert not learned & forgotten and learned | forgotten == {record["person"] for record in WORLD.demonstrations()}


def test_a_trained_model_knows_what_it_has_learned_and_nothing_else(with_base: Callable[[FactsWorld], None]) -> None:
    with_base(WORLD)
    trained, untrained = WORLD.policy(), tiny_model(WORLD.tokenizer(), hidden=32)
    for split in ("forget", "retain"):
        for question, answer in ((0, 0), (2, 1)):
            knows = WORLD.knowledge(trained, split, question, answer)
            guesses = WORLD.knowledge(untrained, split, question, answer)
            assert knows.probability.low > guesses.probability.high + 0.2
            assert knows.accuracy.value > 0.8
    strangers = WORLD.knowledge(trained, "strangers")
    assert strangers.chance == 1 / 8
    assert strangers.probability.value < 0.35 < WORLD.knowledge(trained, "forget").probability.low


def test_an_untrained_model_knows_what_chance_knows() -> None:
    guesses = FactsWorld().knowledge(tiny_model(FactsWorld().tokenizer(), hidden=32), "retain")
    assert abs(guesses.probability.value - guesses.chance) < 0.05


@pytest.mark.parametrize("dials", [{"people": 1}, {"forget": 0.0}, {"forget": 1.0}, {"strangers": 0}])
def test_an_empty_split_is_refused(dials: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="one of the splits is empty"):
        FactsWorld(**dials)  # type: ignore[arg-type]


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no split 'friends'"):
        WORLD.records("friends")  # type: ignore[arg-type]
