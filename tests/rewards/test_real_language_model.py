"""LLM judges of all roles, asking a real language model of 260 thousand weights behind ``penchant serve-policy``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.generation.policy_server import PolicyServer
from penchant.generation.served_chat import ServedChat
from penchant.rewards import LLMJudge, build_judge

RESPONSES = ["The cat sat on a mat.", "A dog ran.", "I do not know."]
PROMPTS = ["Tell me about a cat.", "Who ran?"]
ROLES: dict[str, dict[str, Any]] = {
    "pairwise": {"role": "pairwise"},
    "pairwise by scores": {"role": "pairwise", "by": "scores"},
    "pointwise": {"role": "pointwise"},
    "rubric": {"role": "rubric", "rubric": ["truth", "tone"]},
}


@pytest.fixture(scope="module")
def server(shared: Path) -> Iterator[PolicyServer]:
    with PolicyServer(ServedChat(str(shared / "models" / "tinystories-260k"), "judge", "plain")) as found:
        yield found


def judge(server: PolicyServer, store: Path, **settings: Any) -> LLMJudge:
    keys: dict[str, Any] = {"max_new_tokens": 8, "attempts": 1, "parallel": 4, "store": str(store), **settings}
    made = build_judge({"name": "llm", "url": server.url, "model": "judge", **keys})
    assert isinstance(made, LLMJudge)
    return made


@pytest.mark.parametrize("role", ROLES)
def test_a_model_that_never_gives_a_verdict_is_counted_and_every_call_is_kept(
    role: str, server: PolicyServer, tmp_path: Path
) -> None:
    store = tmp_path / "calls.jsonl"
    made = judge(server, store, **ROLES[role])
    tables = made.compare_all(PROMPTS, [RESPONSES, RESPONSES[:2]])
    asked = 8 if made.role == "pairwise" else 5
    assert (made.unreadable, made.read_answers) == (asked, asked)
    assert all(math.isnan(float(table[0, 1])) for table in tables)
    lines = [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()]
    assert len(lines) >= asked
    repeated = judge(server, store, **ROLES[role], budget_calls=0)
    repeated.compare_all(PROMPTS, [RESPONSES, RESPONSES[:2]])
    assert repeated.read_answers == asked, "nothing is asked for a second time"


def test_probabilities_of_two_letters_in_both_orders(server: PolicyServer, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("{prompt} {response_1} {response_2} A or B?")
    made = judge(server, tmp_path / "calls.jsonl", by="probabilities", prompt=str(tmp_path / "own.txt"))
    pairs = [(RESPONSES[0], RESPONSES[1]), (RESPONSES[1], RESPONSES[0])]
    both = made.first_wins(PROMPTS[:1] * 2, pairs)
    assert all(0 < each < 1 for each in both) and made.unreadable == 0
    table = made.compare(PROMPTS[0], RESPONSES[:2])
    assert float(table[0, 1]) == pytest.approx((both[0] + 1 - both[1]) / 2)


def test_a_question_beyond_the_context_has_no_verdict_and_the_answers_before_it_are_kept(
    server: PolicyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmp_path / "calls.jsonl"
    judge(server, store).compare(PROMPTS[0], RESPONSES[:2])
    kept = store.read_text(encoding="utf-8")
    made = judge(server, store)
    assert made.compare(PROMPTS[0], [RESPONSES[0], "word " * 600])[0, 1].isnan()
    assert "maximum context length is 512 tokens" in caplog.text and made.unreadable == 2
    assert store.read_text(encoding="utf-8").startswith(kept)
    judge(server, store, budget_calls=0).compare(PROMPTS[0], RESPONSES[:2])


def test_the_command_writes_what_such_a_judge_says_and_counts_what_it_does_not(
    server: PolicyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    row = {"prompt": PROMPTS[0], "chosen": RESPONSES[0], "rejected": RESPONSES[1]}
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    words = ["judge", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.jsonl")]
    words += ["--judge", f"llm,url={server.url},model=judge,role=pointwise,max_new_tokens=8,as=rated"]
    assert main(words) == 0
    [written] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert written == {**row, "scores_rated": [None, None]}
    assert "without a score" in " ".join(capsys.readouterr().err.split())
