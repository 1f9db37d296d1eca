"""A judge in several contexts: by hand, with one context, and what is refused."""

from __future__ import annotations

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.feedback import read
from penchant.rewards import FunctionJudge, build_judge
from penchant.rewards.contexts.given import in_context
from penchant.rewards.contexts.judge import InContexts

RESPONSES = ["a", "bb", "cccc"]


def taste(prompt: str, response: str) -> float:
    return -float(len(response)) if "short" in prompt else float(len(response))


def test_preferences_are_the_mean_over_the_contexts() -> None:
    judge = InContexts(FunctionJudge(taste), contexts=["short", "long"], weights=[1, 3])
    parts = [FunctionJudge(taste).compare(in_context("Tea?", each), RESPONSES) for each in ("short", "long")]
    table = judge.compare("Tea?", RESPONSES)
    torch.testing.assert_close(table, 0.25 * parts[0] + 0.75 * parts[1])
    wanted = [float((table[row].sum() - table[row, row]) / 2) for row in range(3)]
    assert judge.score("Tea?", RESPONSES) == pytest.approx(wanted) and judge.score("Tea?", ["a"]) == [0.5]


def test_one_context_is_the_judge_in_it_and_equal_weights_may_be_left_out() -> None:
    one = InContexts(FunctionJudge(taste), contexts=["short"])
    torch.testing.assert_close(one.compare("Tea?", RESPONSES), FunctionJudge(taste).compare("short Tea?", RESPONSES))
    both = InContexts(FunctionJudge(taste), contexts=["short", "long"])
    torch.testing.assert_close(both.compare("Tea?", RESPONSES), torch.full((3, 3), 0.5, dtype=torch.float64))


def test_a_system_turn_gets_another_paragraph_and_an_empty_context_nothing() -> None:
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Tea?"}]
    assert in_context(chat, " Ann is ill. ")[0]["content"] == "Be kind.\n\nContext: Ann is ill."  # type: ignore[index]
    assert in_context(chat, " ") == chat and chat[0]["content"] == "Be kind."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"contexts": ["a"], "weights": [1.0, 2.0]}, "not one number of at least 0 for each of 1 contexts"),
        ({"contexts": ["a", "b"], "weights": [1.0, -1.0]}, "weights"),
        ({"contexts": ["a"], "weights": [0.0]}, "some above 0"),
        ({"contexts": []}, "contexts"),
        ({"judge": {"name": "none"}, "contexts": ["a"]}, "judges nothing"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        InContexts(**{"judge": {"name": "verifier", "rule": "exact"}, **settings})


def test_it_is_built_by_its_name_and_its_member_reads_the_records() -> None:
    settings = {"name": "in_contexts", "judge": {"name": "relevance"}, "contexts": ["tea", "milk"]}
    built = build_judge(settings, read([{"prompt": "Tea?", "chosen": "Yes, tea.", "rejected": "No milk."}]))
    assert built is not None and built.compare("Tea?", ["tea", "milk"]).shape == (2, 2)
