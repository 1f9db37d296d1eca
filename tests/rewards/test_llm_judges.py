"""LLM judges: an endpoint that is slow, busy or wrong, what is paid for, and models in this process."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from chat_server import chat_server
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.records import Prompt
from penchant.rewards import build_judge
from penchant.rewards.calls import StoredCalls


def shown(text: str) -> dict[str, str]:
    """The texts between the marks of a question."""
    return {name: found for name, found in re.findall(r"<([\w ]+)>\n(.*?)\n</\1>", text, re.DOTALL)}


def longest(text: str) -> str:
    """A judge that prefers the longer answer, and the first of two equal ones."""
    parts = shown(text)
    return "[[A]]" if len(parts["answer A"]) >= len(parts["answer B"]) else "Therefore [[B]]"


def judge(server: Any, tmp_path: Path, **settings: Any) -> Any:
    keys = {"pause": 0.001, "store": str(tmp_path / "calls.jsonl"), **settings}
    return build_judge({"name": "llm", "url": server.url, "model": "judge", **keys})


def test_pairs_are_asked_in_both_orders_and_averaged(tmp_path: Path) -> None:
    with chat_server(longest) as server:
        made = judge(server, tmp_path)
        table = made.compare("Hi", ["aaa", "b", "c"])
        assert len(server.asked) == 6
    # "b" and "c" are equally long: the first one shown wins, which both orders turn into a tie.
    assert table.tolist() == [[0.5, 1.0, 1.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]
    assert torch.equal(table + table.T, torch.ones(3, 3, dtype=torch.float64))
    assert {each["path"] for each in server.asked} == {"/v1/chat/completions"}


def test_every_call_is_paid_once_and_a_second_run_costs_nothing(tmp_path: Path) -> None:
    with chat_server(longest) as server:
        first = judge(server, tmp_path).score_all(["Hi", "Hi"], [["aaa", "b"], ["aaa", "b"]])
        assert len(server.asked) == 2, "equal questions are asked once"
        again = judge(server, tmp_path)
        assert again.score_all(["Hi"], [["aaa", "b"]]) == first[:1] and len(server.asked) == 2
        assert again.budget.calls_spent == 0
        judge(server, tmp_path, temperature=0.5).score("Hi", ["aaa", "b"])
        assert len(server.asked) == 4, "another temperature is another question"


def test_two_deployments_behind_one_host_have_answers_of_their_own(tmp_path: Path) -> None:
    """The store knew the address without parts that may be secret, and gave one deployment the answers of another."""
    with chat_server(longest) as server:
        host = server.url.removesuffix("/v1")
        one = judge(server, tmp_path, url=f"{host}/llama/v1")
        one.score("Hi", ["aaa", "b"])
        other = judge(server, tmp_path, url=f"{host}/qwen/v1")
        other.score("Hi", ["aaa", "b"])
        assert len(server.asked) == 4 and other.found == 0
        again = judge(server, tmp_path, url=f"{host}/llama/v1")
        again.score("Hi", ["aaa", "b"])
        assert len(server.asked) == 4 and again.found == 2
        assert "llama" not in (tmp_path / "calls.jsonl").read_text(), "it may be a token"


def test_a_half_written_store_loses_only_its_last_line(tmp_path: Path) -> None:
    with chat_server(longest) as server:
        judge(server, tmp_path).compare("Hi", ["aaa", "b"])
        store = tmp_path / "calls.jsonl"
        store.write_bytes(store.read_bytes()[:-40])
        assert StoredCalls(store, "x").passed_over == 1
        assert judge(server, tmp_path).compare("Hi", ["aaa", "b"])[0, 1] == 1 and len(server.asked) == 3
        judge(server, tmp_path).compare("Hi", ["aaa", "b"])
        assert len(server.asked) == 3, "what was added after the broken line is read"


def test_busy_answers_are_tried_again_and_a_refused_one_is_an_error(tmp_path: Path) -> None:
    with chat_server(longest) as server:
        server.failures = [429, 500]
        assert judge(server, tmp_path, parallel=1).compare("Hi", ["aaa", "b"])[0, 1] == 1
        assert len(server.asked) == 4
        server.failures = [401]
        with pytest.raises(ModelError, match=r"status 401.*OPENAI_API_KEY.*answers so far are stored"):
            judge(server, tmp_path, parallel=1).compare("Hi", ["aaa", "c"])


def test_what_is_under_way_when_a_request_fails_is_kept(tmp_path: Path) -> None:
    with chat_server(longest, pause=0.05) as server:
        server.failures = [401]
        with pytest.raises(ModelError, match="401"):
            judge(server, tmp_path, parallel=6).compare("Hi", ["aaa", "b", "c"])
        assert len(server.asked) == 6
        judge(server, tmp_path).compare("Hi", ["aaa", "b", "c"])
        assert len(server.asked) == 7, "five of the six answers were stored"


LIMIT = "This model's maximum context length is 40 tokens. However, your messages resulted in 812 tokens."


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": LIMIT, "code": "context_length_exceeded"}),
        (400, {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}),
        (413, {"message": "Input is too long for requested model."}),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
    ],
)
def test_a_question_longer_than_the_context_has_no_verdict_and_the_others_are_judged(
    status: int, error: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused = {"status": status, "error": error}
    with chat_server(lambda text: refused if "long" in text else longest(text)) as server:
        mine = judge(server, tmp_path)
        table = mine.compare("Hi", ["aaa", "long" * 200, "b"])
        assert table[0, 2] == 1 and table[0, 1].isnan() and table[2, 1].isnan()
        assert "4 of 6 questions are longer than the context of the server" in caplog.text
        assert (error if isinstance(error, str) else error["message"]) in caplog.text
        assert mine.unreadable == 4
        judge(server, tmp_path).compare("Hi", ["aaa", "long" * 200, "b"])
        assert len(server.asked) == 6 + 4, "only the refused ones are asked again"


def test_another_refusal_still_ends_the_work(tmp_path: Path) -> None:
    unknown = {"status": 400, "error": {"message": "The model does not exist."}}
    with chat_server(lambda text: unknown) as server, pytest.raises(ModelError, match="status 400: The model does not"):
        judge(server, tmp_path).compare("Hi", ["aaa", "b"])


def test_a_missing_endpoint_and_a_dead_one_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'url' is missing"):
        build_judge({"name": "llm", "model": "judge"})
    with pytest.raises(ConfigurationError, match=r"judge\.url: The address has no scheme"):
        build_judge({"name": "llm", "model": "judge", "url": "localhost"})
    dead = {"url": "http://127.0.0.1:9/v1", "attempts": 2, "pause": 0.001, "store": str(tmp_path / "c")}
    with pytest.raises(ModelError, match="did not answer as expected after 2 attempts"):
        build_judge({"name": "llm", "model": "judge", **dead}).compare("Hi", ["a", "b"])


def test_a_text_without_a_verdict_is_nan_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with chat_server(lambda text: "Yes and no." if "bad" in text else "[[A]]") as server:
        made = judge(server, tmp_path)
        table = made.compare("Hi", ["good", "fine", "bad"])
    assert table[0, 1] == 0.5 and math.isnan(table[0, 2]) and math.isnan(table[2, 1])
    assert (made.unreadable, made.read_answers) == (4, 6)
    assert "4 of 6 answers of the judge llm hold no verdict" in caplog.text and "Yes and no." in caplog.text


def test_a_budget_of_calls_is_kept_and_a_larger_one_pays_only_the_rest(tmp_path: Path) -> None:
    with chat_server(longest) as server:
        with pytest.raises(ConfigurationError, match=r"budget of 4 calls \(budget_calls\): 4 calls with 40 tokens"):
            judge(server, tmp_path, budget_calls=4).compare("Hi", ["aaa", "b", "c"])
        assert len(server.asked) == 4
        judge(server, tmp_path, budget_calls=4).compare("Hi", ["aaa", "b", "c"])
        assert len(server.asked) == 6


def test_a_budget_of_tokens_is_kept_but_for_the_requests_under_way(tmp_path: Path) -> None:
    with chat_server(longest) as server:
        with pytest.raises(ConfigurationError, match=r"budget of 25 tokens \(budget_tokens\)"):
            judge(server, tmp_path, budget_tokens=25, parallel=1).compare("Hi", ["aaa", "b", "c"])
        assert len(server.asked) == 3


def test_the_wanted_number_of_requests_is_in_flight(tmp_path: Path) -> None:
    with chat_server(longest, pause=0.02) as server:
        judge(server, tmp_path, parallel=5).score_all(["a", "b", "c", "d"], [["x", "yy", "zzz"]] * 4)
        assert server.most == 5 and len(server.asked) == 24


def test_a_rate_limit_spaces_the_attempts(tmp_path: Path) -> None:
    import asyncio

    from penchant.rewards.budget import Budget

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    budget = Budget(per_minute=30, clock=lambda: 100.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", sleep)
        for _ in range(3):
            asyncio.run(budget.turn())
    assert slept == [2.0, 4.0]


def test_ratings_rubrics_and_the_right_answer(tmp_path: Path) -> None:
    def say(text: str) -> str:
        parts = shown(text)
        if "truth" in text:
            return f'{{"truth": {len(parts["answer"])}, "tone": 5}}'
        return f"[[{len(parts['answer'])}]]" if parts.get("right answer") == "4" else "[[1]]"

    with chat_server(say) as server:
        pointwise = judge(server, tmp_path, role="pointwise", reference=True)
        pointwise.read([Prompt(prompt="2 + 2 =", fields={"answer": "4"})])
        assert pointwise.score("2 + 2 =", ["four", "no", "e" * 11])[:2] == [4.0, 2.0]
        assert math.isnan(pointwise.score("2 + 2 =", ["e" * 11])[0]), "11 is beyond the scale of 10"
        assert pointwise.compare("2 + 2 =", ["four", "no", "or"]).tolist()[1] == [0.0, 0.5, 0.5]
        with pytest.raises(DataError, match="no field 'answer'"):
            pointwise.read([Prompt(prompt="Hi")])
        rubric = judge(server, tmp_path, role="rubric", rubric=["truth", {"criterion": "tone", "weight": 3}])
        assert rubric.score("Hi", ["five5", "a"]) == [1.0, 0.75]


def test_probabilities_of_the_first_token_are_read(tmp_path: Path) -> None:
    def say(text: str) -> dict[str, Any]:
        likely = [{"token": " A", "logprob": math.log(0.6)}, {"token": "b", "logprob": math.log(0.2)}]
        return {"choices": [{"message": {"content": "A"}, "logprobs": {"content": [{"top_logprobs": likely}]}}]}

    with chat_server(say) as server:
        made = judge(server, tmp_path, by="probabilities")
        assert made.first_wins(["Hi"], [("a", "b")]) == [pytest.approx(0.75)]
        assert made.compare("Hi", ["a", "b"])[0, 1] == pytest.approx(0.5)
        assert server.asked[0]["top_logprobs"] == 20 and server.asked[0]["max_tokens"] == 1
    with chat_server(lambda text: "A") as server, pytest.raises(ModelError, match="must support logprobs"):
        judge(server, tmp_path / "other", by="probabilities", attempts=1).compare("Hi", ["a", "b"])


def test_the_key_is_of_the_named_variable_and_in_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "very-secret")
    with chat_server(longest) as server:
        server.failures = [401]
        with pytest.raises(ModelError) as caught:
            judge(server, tmp_path, key_variable="OTHER_KEY").compare("Hi", ["a", "b"])
        assert server.asked[0]["key"] == "Bearer very-secret" and "very-secret" not in str(caught.value)
        assert "OTHER_KEY" in str(caught.value)
    assert not list(tmp_path.glob("*")) or "very-secret" not in (tmp_path / "calls.jsonl").read_text()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"role": "rubric"}, "expected one or more"),
        ({"role": "rubric", "rubric": ["a"], "by": "probabilities"}, "answered with a text"),
        ({"samples": 3}, "equal without a temperature"),
        ({"role": "pointwise", "by": "scores"}, "only a pairwise judge"),
        ({"lowest": 3.0, "highest": 3.0}, "from 3 to 3"),
        ({"rubric": ["a"]}, "role is not rubric"),
        ({"role": "rubric", "rubric": [{"criterion": "a", "scale": [5, 1]}]}, "is no criterion"),
    ],
)
def test_settings_that_contradict_each_other_are_errors(settings: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message), chat_server(longest) as server:
        judge(server, tmp_path, **settings)


def test_a_prompt_of_ones_own_needs_its_slots(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("{prompt}? 1: {response_1} 2: {response_2} {x")
    (tmp_path / "bad.txt").write_text("{prompt} {response_1}")
    with chat_server(lambda text: "[[A]]") as server:
        judge(server, tmp_path, prompt=str(tmp_path / "own.txt")).compare("Hi", ["{prompt}", "b"])
        assert {each["messages"][0]["content"] for each in server.asked} == {
            "Hi? 1: {prompt} 2: b {x",
            "Hi? 1: b 2: {prompt} {x",
        }
        with pytest.raises(ConfigurationError, match=r"has no \{response_2\}"):
            judge(server, tmp_path, prompt=str(tmp_path / "bad.txt"))


def test_an_image_is_refused(tmp_path: Path) -> None:
    with chat_server(longest) as server, pytest.raises(ConfigurationError, match="reads texts, but a response is"):
        judge(server, tmp_path).compare("Hi", [object(), "b"])  # type: ignore[list-item]
