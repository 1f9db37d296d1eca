"""A server that misbehaves: no answer of it is used unless it is exactly what was asked for, and no secret leaves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from misbehaving_server import WRONG, Misbehaving, misbehaving
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.generation import Response, Sampling, ServerEngine
from penchant.generation.answers import BadAnswer, _seconds
from penchant.generation.completion import responses_in
from penchant.rendering.renderer import Renderer
from small_runs import word_tokenizer

SAMPLING = Sampling(samples=2, max_new_tokens=8)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving() as found:
        yield found


def engine(url: str, **changed: Any) -> ServerEngine:
    keys = {"pause": 0.001, "longest_pause": 0.01, "attempts": 2, **changed}
    return ServerEngine(Renderer(word_tokenizer()), keys.pop("room", None), url=url, model="policy", **keys)


def ask(url: str, **changed: Any) -> list[list[Response]]:
    return engine(url, **changed).sample(["which colour"], SAMPLING, seed=0)


@pytest.mark.parametrize("mode", [*WRONG, "type", "compressed", "half", "bad-status", "close", "429", "500"])
def test_an_answer_that_cannot_be_used_is_asked_for_again_and_then_an_error(mode: str, server: Misbehaving) -> None:
    with pytest.raises(ModelError, match=r"did not answer as expected after 2 attempts \(.+--resume"):
        ask(server.url(mode))
    assert server.asked[mode] == 2


def test_a_server_that_limits_requests_is_to_be_asked_less(server: Misbehaving) -> None:
    with pytest.raises(ModelError, match=r"status 429.*ask later, or less at once"):
        ask(server.url("429"))


@pytest.mark.parametrize("mode", ["401", "404"])
def test_a_request_that_is_refused_is_not_repeated(mode: str, server: Misbehaving) -> None:
    with pytest.raises(ModelError, match=f"status {mode}"):
        ask(server.url(mode))
    assert server.asked[mode] == 1


def test_an_answer_after_a_failure_is_used(server: Misbehaving) -> None:
    [[first, second]] = ask(server.url("once"))
    assert first == second and first.text == " the car is red" and first.finished
    assert ask(server.url("good"))[0][0] == first, "a mode that does not misbehave"


@pytest.mark.parametrize("mode", ["sleep", "drip"])
@pytest.mark.parametrize("limits", [{"timeout": 0.2}, {"timeout": 60.0, "total_timeout": 0.2}])
def test_a_server_that_takes_for_ever_is_given_up(mode: str, limits: dict[str, float], server: Misbehaving) -> None:
    with pytest.raises(ModelError, match=r"no whole answer within 0\.[12]\d* seconds"):
        ask(server.url(mode), **limits)
    assert server.asked[mode] == (2 if len(limits) == 1 else 1)


def test_an_interrupt_ends_the_requests(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import Future

    def interrupted(self: Any, timeout: float | None = None) -> Any:
        if timeout is not None:
            return result(self, timeout)
        while not server.asked["sleep"]:
            time.sleep(0.001)
        raise KeyboardInterrupt

    result = Future.result
    before = set(threading.enumerate())
    monkeypatch.setattr(Future, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(server.url("sleep"))
    left = [each for each in threading.enumerate() if each not in before and "run_forever" in each.name]
    assert left == []


@pytest.mark.parametrize("status", ["301", "302", "307"])
def test_a_redirect_is_not_followed(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    with misbehaving() as thief, misbehaving(f"{thief.url('good')}/TOKEN") as server:
        with pytest.raises(ModelError, match=rf"status {status}: a redirect to http://127.0.0.1:\d+/.*not followed"):
            ask(server.url(f"redirect{status}"))
        assert server.keys == ["Bearer sk-made-up"] and thief.keys == []


def test_no_secret_of_address_or_key_is_said(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret-key\n")
    url = server.url("401").replace("//", "//me:pass-word@").replace("/v1", "/TOKEN123/v1?key=QUERY456")
    with caplog.at_level(logging.INFO), pytest.raises(ModelError, match="status 401") as error:
        ask(url)
    said = f"{error.value} {caplog.text} {engine(url).settings} {engine(url).notice()}"
    assert "no ..." in said, "the server repeats the key and the address"
    assert not [each for each in ("secret", "pass-word", "me:", "TOKEN123", "QUERY456") if each in said]
    assert server.keys[0] is not None and server.keys[0].startswith("Basic "), "the address's own user goes first"


def test_a_key_that_no_header_can_hold_is_refused_without_being_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\x01é")
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as error:
        engine("http://localhost/v1")
    assert "sk-" not in str(error.value)


def test_where_prompts_and_key_go_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert engine("http://localhost:8000/v1").notice() == "Prompts go to the server http://localhost:8000/v1"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    assert (
        engine("http://host/v1")
        .notice()
        .endswith("key of OPENAI_API_KEY go to the server http://host/v1, without encryption")
    )


@pytest.mark.parametrize(("reason", "finished"), [("stop", False), ("length", False)])
def test_a_text_a_little_longer_than_the_limit_is_cut_and_unfinished(reason: str, finished: bool) -> None:
    answer = {"choices": [{"text": "x" * 9, "finish_reason": reason}]}
    [cut] = responses_in(answer, Sampling(max_new_tokens=8), lambda text: [7] * len(text) + [2])
    assert cut.ids == (7,) * 8 and cut.finished is finished


def test_a_prompt_that_leaves_no_room_is_refused() -> None:
    long = engine("http://localhost/v1", room=3)
    with pytest.raises(DataError, match=r"The prompt has \d+ tokens, but only 3"):
        long.prompt_ids("the car is red the car is red")


@pytest.mark.parametrize(
    ("given", "least", "most"),
    [("7", 7, 7), ("1.5", 1.5, 1.5), ("-3", 0, 0), ("soon", 0, 0), (None, 0, 0), ("1" * 400, 0, float("inf"))],
)
def test_retry_after_is_seconds_or_a_date(given: str | None, least: float, most: float) -> None:
    assert least <= _seconds(given) <= most
    assert _seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0 and _seconds("Wed, 21 Oct 2115 07:28:00 GMT") > 1e9


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["choices", "text", "finish_reason", "message", "error", "index"]), inner)
    ),
    max_leaves=12,
)
CHOICE = st.fixed_dictionaries(
    {}, optional={"text": st.text(max_size=20) | JSON, "finish_reason": st.sampled_from(["stop", "length"]) | JSON}
)


@given(JSON | st.fixed_dictionaries({"choices": st.lists(CHOICE | JSON, max_size=3)}))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_answer_is_used_as_asked_for_or_refused(answer: Any) -> None:
    try:
        found = responses_in(answer, SAMPLING, lambda text: [*text.encode(), 0])
    except BadAnswer:
        return
    assert len(found) == 2 and all(len(each.ids) <= SAMPLING.max_new_tokens for each in found)
    assert all(isinstance(each.text, str) and each.text.encode() is not None for each in found)
