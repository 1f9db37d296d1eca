"""R³: the formula by hand, and what it must not reward: repetition, copying, length where the answer is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penchant.errors import ConfigurationError
from penchant.feedback import read
from penchant.feedback.records import Demonstration, Prompt, Source
from penchant.rewards import build_judge
from penchant.rewards.relevance import RelevanceReward
from penchant.rewards.relevance_terms import fresh_trigrams, length_incentive

pytest.importorskip("sklearn")
QUESTION = "how do bees make honey from the nectar of flowers in spring"
ANSWER = (
    "bees drink nectar from flowers and carry it to their hive where other bees dry it with their wings until it is "
    "thick honey that keeps through winter"
)
OTHER = "trains run on steel rails and stop at every station of the old line between the two towns by the sea all day"


def judge(**settings: Any) -> RelevanceReward:
    made = RelevanceReward(embedder="tf-idf", **settings)
    records = [Demonstration(prompt=QUESTION, completion=ANSWER), Prompt(prompt="trains", fields={"answer": "rails"})]
    made.read([*records, Prompt(prompt=OTHER)])
    return made


def test_open_questions_by_hand() -> None:
    made = judge(questions="open", discount_copied=False)
    vectors = made.embedding.embed([QUESTION, ANSWER])
    words = ANSWER.split()
    expected = float(vectors[0] @ vectors[1]) * len(words) / 100 * 1.0  # no trigram comes twice
    assert made.score(QUESTION, [ANSWER]) == pytest.approx([expected]) and expected > 0
    assert made.score(QUESTION, [OTHER])[0] < expected
    assert made.score(QUESTION, ["", "  "]) == [0.0, 0.0]


def test_closed_questions_are_measured_by_the_right_answer_and_ignore_length() -> None:
    made = judge()
    right, longer, wrong = made.score("trains", ["rails", "rails rails", "nectar"])
    assert right == pytest.approx(made.range[1]) and wrong == pytest.approx(made.range[0])
    assert longer == pytest.approx(right)
    # F spans the range of the open reward over the right answers.
    rewards = [judge(questions="open").score(*each)[0] for each in ((QUESTION, [ANSWER]), ("trains", ["rails"]))]
    assert made.range == pytest.approx((min(rewards), max(rewards)))


def test_repetition_is_divided_and_length_doubles() -> None:
    words = "a b c d e f g h"
    copies = " ".join([words] * 5)
    assert fresh_trigrams(copies) == pytest.approx(8 / 38) and fresh_trigrams("two words") == 1.0
    assert length_incentive(copies) == pytest.approx(5 * length_incentive(words))
    open_, five = judge(questions="open").score(QUESTION, [ANSWER, " ".join([ANSWER] * 5)])
    assert five < 1.2 * open_


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_a_copy_of_the_question_has_less_than_an_answer_because_copied_trigrams_count_for_nothing(copies: int) -> None:
    text = " ".join([QUESTION] * copies)
    made = judge(questions="open")
    copied, answered = made.score(QUESTION, [text, ANSWER])
    assert copied < answered and (copied == 0.0 or copies > 1)
    # Relevance alone prefers the copy, and with word statistics so does the reward that counts copied trigrams.
    assert made._products([(QUESTION, QUESTION), (QUESTION, ANSWER)]) == [
        pytest.approx(1.0),
        pytest.approx(0.3, abs=0.2),
    ]
    copied, answered = judge(questions="open", discount_copied=False).score(QUESTION, [text, ANSWER])
    assert copied > answered


def test_what_is_open_is_said_by_the_record_or_by_its_answer() -> None:
    records = [
        Prompt(prompt="a", fields={"answer": "short"}),
        Prompt(prompt="b", fields={"answer": "short", "open_ended": True}),
        Prompt(prompt="c", fields={"reference": ANSWER}),
        Prompt(prompt="d", fields={"reference": ANSWER, "open_ended": False}),
        Prompt(prompt="e"),
    ]
    for questions, closed in (("each", "ad"), ("open", "")):
        made = RelevanceReward(questions=questions)
        made.read(records)
        assert made.closed == {f'"{each}"' for each in closed}
    with pytest.raises(ConfigurationError, match=r"f:5: This question is closed, and its record has no right answer"):
        made = RelevanceReward(questions="closed")
        made.read([*records[:4], Prompt(prompt="e", source=Source("f", 5))])


def test_it_is_built_by_name_and_judges_conversations_by_their_last_question(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    rows = [{"prompt": [*turns, {"role": "user", "content": QUESTION}], "completion": ANSWER}]
    made = build_judge({"name": "relevance", "embedder": "tf-idf", "questions": "open"}, read(rows))
    assert made is not None
    assert made.score(read(rows)[0].prompt, [QUESTION]) == [0.0]
    with pytest.raises(ConfigurationError, match="has read no records"):
        RelevanceReward().score("a", ["b"])
    with pytest.raises(ConfigurationError, match="There is no embedder 'bert'"):
        build_judge({"name": "relevance", "embedder": "bert"}, read(rows))
