"""Online runs whose responses come from a server: a short key, faults in the middle, and no secret in any file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from misbehaving_server import WRONG, Misbehaving, choices, misbehaving
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.online import make_online_recipe
from penchant.training.run import Result
from small_runs import largest_gap, losses, weights

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving() as found:
        yield found


def answers(count: int) -> dict[str, Any]:
    """Two responses that differ in reward."""
    texts = ("red red", "the car")
    return {"choices": [{"text": texts[each % 2], "finish_reason": "stop"} for each in range(count)]}


def settings(url: str) -> dict[str, Any]:
    return {"server": url, "engine.pause": 0.001, "engine.attempts": 1, "save_rounds": 3, "iterations": 3}


def test_the_short_form_is_an_engine_and_its_keys_can_be_set() -> None:
    recipe = make_online_recipe({"model": "m", "data": "d", "server": "http://host/v1", "engine.timeout": 3})
    assert recipe.engine == {"name": "server", "url": "http://host/v1", "model": "m", "timeout": 3}
    recipe = make_online_recipe({"model": "m", "data": "d", "engine": {"model": "other"}, "server": "http://host/v1"})
    assert recipe.engine["model"] == "other" and recipe.engine["url"] == "http://host/v1"


def test_an_address_that_is_none_is_refused_at_the_start(online: Run, tmp_path: Path) -> None:
    for url in ("file://../fakesrv", "not-a-url"):
        with pytest.raises(ConfigurationError, match="expected http:// or https://"):
            online(server=url)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("good", [0, 16], ids=["in the first round", "after a round and a half"])
def test_a_server_that_fails_leaves_a_run_to_resume(
    good: int, online: Run, server: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WRONG, "mine", answers)
    whole = online("whole", **settings(server.url("mine")))
    left = iter([True] * (good and 12))
    lock = server.release

    def failing(count: int) -> dict[str, Any]:
        return answers(count) if next(left, False) or lock.is_set() else {"choices": None}

    monkeypatch.setitem(WRONG, "mine", failing)
    with pytest.raises(ModelError, match=r"/\.\.\./v1: .*no list 'choices'.*--resume"):
        online("parted", **settings(server.url("mine")))
    states = Path(whole.folder.parent / "parted" / "states")
    assert bool(good) == (states.is_dir() and any(states.iterdir())), "what was done is kept"
    lock.set()
    parted = online("parted", resume=True, **settings(server.url("mine")))
    assert losses(parted.folder) == losses(whole.folder)
    assert largest_gap(weights(parted.folder), weights(whole.folder)) == 0


def test_null_texts_are_never_trained_on(online: Run, server: Misbehaving) -> None:
    with pytest.raises(ModelError, match="text is not a text: None"):
        online(**settings(server.url("text-null")))


def test_no_file_of_a_run_holds_a_secret_of_the_address(
    online: Run, server: Misbehaving, monkeypatch: pytest.MonkeyPatch, drawing: None
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up-9")
    monkeypatch.setitem(WRONG, "mine", answers)
    url = server.url("mine").replace("//", "//user7:word8@").replace("/v1", "/PATH5/v1?key=QUERY6")
    folder = online(**{**settings(url), "iterations": 1, "samples": 2}).folder
    held = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())
    assert b"http://127.0.0.1:" in held, "the recipe and the report show where responses came from"
    assert not [each for each in (b"sk-made-up-9", b"user7", b"word8", b"PATH5", b"QUERY6") if each in held]
    assert server.keys[0] is not None and server.keys[0].startswith("Basic ")


def test_a_prompt_too_long_for_the_server_is_an_error_of_its_record(online: Run, server: Misbehaving) -> None:
    assert choices(1)["choices"]
    with pytest.raises(DataError, match=r"prompts.jsonl:1: The prompt has \d+ tokens, but only"):
        online(**settings(server.url("good")), max_length=8)
