"""The hindsight wrapper: the inner judge reads what follows; nobody else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.feedback.records import Prompt
from penchant.generation import Response
from penchant.rewards import FunctionJudge, build_judge
from penchant.rewards.wrapped.hindsight import HindsightJudge, turned_pairs
from penchant.rewards.wrapped.simulators import FunctionSimulator, Simulator

WORLD = """
def follows(prompt, response, record):
    return [f"It was {record['truth']}."] * 3 if response == "short" else []

def fails(prompt, response, record):
    return 1 / 0

def one_text(prompt, response, record):
    return "text"
"""


class Regret(Simulator):
    """Long responses are regretted."""

    def further(self, prompt: Any, responses: Any, turns: int) -> list[list[str]]:
        """One turn after a long response."""
        return [["bad"] * turns if len(each) > 3 else [] for each in responses]


def taste(prompt: object, response: str) -> float:
    """Length counts, regret costs."""
    return len(response) - 100.0 * response.count("bad")


RECORD = Prompt(prompt="p", fields={"truth": "red"})
SAMPLED = [Response("no", (5,), True), Response("longer", (6, 7), True), Response("mid", (8,), True)]


def test_with_an_empty_simulator_or_no_turns_it_is_the_inner_judge() -> None:
    inner = FunctionJudge(taste)
    texts = [each.text for each in SAMPLED]
    for judge in (HindsightJudge(inner), HindsightJudge(inner, Regret(), turns=0)):
        assert judge.score("p", texts) == inner.score("p", texts)
        assert torch.equal(judge.compare("p", texts), inner.compare("p", texts))
        assert judge.sampled(RECORD, SAMPLED) == inner.sampled(RECORD, SAMPLED)
        assert judge.facts("p") == {}


def test_hindsight_turns_preferences_round_and_says_how_often() -> None:
    judge = HindsightJudge(FunctionJudge(taste), Regret(), turns=2)
    scores, parts = judge.sampled(RECORD, SAMPLED)
    assert scores == [2.0, 6 + 1 + 3 + 1 + 3 - 200.0, 3.0] and parts == {"foresight": [2.0, 6.0, 3.0]}
    assert judge.facts("p") == {"flips": 2 / 3} and judge.facts("p") == {}, "counted once"
    assert judge.compare("p", ["no", "longer"])[0, 1] > 0.99 and judge.facts("p") == {"flips": 1.0}
    quiet = HindsightJudge(FunctionJudge(taste), Regret(), flips=False)
    assert quiet.sampled(RECORD, SAMPLED)[1] == {} and quiet.facts("p") == {}


def test_pairs_without_an_order_before_cannot_turn() -> None:
    before = torch.tensor([[0.0, 1.0, torch.nan], [-1.0, 0.0, 0.0], [torch.nan, 0.0, 0.0]])
    assert turned_pairs(before, -before) == (1, 1)


def test_a_world_of_ones_own_reads_the_hidden_facts_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "world.py").write_text(WORLD)
    seen: list[str] = []
    inner = FunctionJudge(lambda prompt, response: float(seen.append(response) or 0))  # type: ignore[func-returns-value]
    judge = HindsightJudge(inner, FunctionSimulator(path="world.py:follows"), turns=2)
    judge.read([RECORD])
    judge.score("p", ["short", "other"])
    assert seen == ["short\nIt was red.\nIt was red.", "other"]
    for name, told in (("fails", "raised ZeroDivisionError"), ("one_text", "returned 'text'")):
        wrong = HindsightJudge(inner, FunctionSimulator(path=f"world.py:{name}"))
        with pytest.raises(ConfigurationError, match=f"The simulator 'world.py:{name}' {told}"):
            wrong.score("p", ["short"])


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"There is no simulator 'polcy'\. Did you mean 'policy'"):
        build_judge({"name": "hindsight", "simulator": "polcy"})
    lonely = build_judge({"name": "hindsight", "simulator": {"name": "policy", "max_new_tokens": 3}})
    assert lonely is not None
    with pytest.raises(ConfigurationError, match="has no policy to ask"):
        lonely.score("p", ["a"])
