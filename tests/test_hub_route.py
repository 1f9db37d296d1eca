"""Without a way to the hub nothing waits for retries; with one, nothing changes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from penchant import hub_route
from penchant.errors import ModelError
from penchant.hub_route import expect_hub, unreachable
from penchant.rendering.tokenizer import load_tokenizer


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name, value in (("reason", ""), ("asked", -hub_route._AGAIN), ("known", False)):
        monkeypatch.setattr(hub_route._Route, name, value)
    monkeypatch.setattr(hub_route, "getproxies", dict)
    yield


def closed_port() -> str:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_model_that_is_not_there_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", closed_port())
    start = time.monotonic()
    with pytest.raises(
        ModelError, match=r"no copy of a model with this id in the cache.*127\.0\.0\.1 cannot be reached"
    ):
        load_tokenizer("nobody/no-such-model")
    assert time.monotonic() - start < 5


def test_a_hub_that_answers_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, listening: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", listening)
    expect_hub("nobody/no-such-model")
    assert not constants.HF_HUB_OFFLINE and not unreachable()


def test_a_hub_that_comes_back_is_used_again(monkeypatch: pytest.MonkeyPatch, listening: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", closed_port())
    expect_hub("a/b")
    assert constants.HF_HUB_OFFLINE and "cannot be reached" in unreachable()
    monkeypatch.setattr(constants, "ENDPOINT", listening)
    expect_hub("a/b")
    assert constants.HF_HUB_OFFLINE  # not asked again yet
    monkeypatch.setattr(hub_route._Route, "asked", time.monotonic() - hub_route._AGAIN)
    expect_hub("a/b")
    assert not constants.HF_HUB_OFFLINE and not unreachable()


def test_folders_and_those_who_want_no_hub_ask_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hub_route, "_no_way_to", lambda address: pytest.fail("asked"))
    expect_hub(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    expect_hub("a/b")


def test_a_proxy_is_asked_in_place_of_the_hub(monkeypatch: pytest.MonkeyPatch, listening: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    monkeypatch.setattr(hub_route, "getproxies", lambda: {"https": listening})
    expect_hub("a/b")
    assert not unreachable()


def test_a_look_up_that_never_ends_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_route, "_PATIENCE", 0.1)
    monkeypatch.setattr(hub_route, "_connected", lambda host, port: threading.Event().wait(5) or "")
    assert "no answer within 0.1 seconds" in hub_route._no_way_to("https://hub.invalid")


def test_the_folder_of_a_run_names_its_model(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(ModelError, match=r"the folder of a run, not of a model\. Its model is .*/model"):
        load_tokenizer(tmp_path)
