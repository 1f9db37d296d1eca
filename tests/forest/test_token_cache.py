"""Kept tokens are those that were encoded; the key names all that they depend on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forest.words import renderer
from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Comparison, Source
from penchant.forest.encoding import Encoder
from penchant.forest.token_cache import encode_cached, token_key
from penchant.rendering.renderer import Renderer
from penchant.rendering.truncation import Truncation


def records(file: str = "pairs.jsonl", count: int = 30, lead: str = "the cat") -> Feedback:
    found = [
        Comparison(
            prompt=lead + " and the dog" * (at % 5),
            chosen=" ran" if at % 11 == 0 else " sat",
            rejected=" ran",
            source=Source(file, at + 1),
            fields={"margin": at / 3},
        )
        for at in range(count)
    ]
    return Feedback(found, kind="comparison")


def encoder(length: int | None = 9, views: tuple[str, ...] = ("chosen", "rejected"), **options: Any) -> Encoder:
    return Encoder(options.pop("renderer", None) or renderer(), views, ["margin"], Truncation(length), **options)


def test_what_is_read_is_what_was_encoded(tmp_path: Path) -> None:
    plain = encoder().encode(records())
    for _ in range(2):
        found = encode_cached(encoder(), records(), tmp_path)
        assert list(found.examples) == plain.examples
        assert found.records == plain.records and found.cut == plain.cut
    assert plain.cut.dropped and len(list(tmp_path.iterdir())) == 1


def test_refused_records_are_kept_with_their_errors(tmp_path: Path) -> None:
    bad = Comparison(prompt="the cat", chosen=[{"role": "user", "content": "x"}] * 2, rejected=" ran")
    feedback = Feedback([*records(), bad], kind="comparison")
    first, second = (encode_cached(encoder(on_bad="skip"), feedback, tmp_path) for _ in range(2))
    assert [str(each) for each in second.cut.refused] == [str(each) for each in first.cut.refused]
    assert len(second.cut.refused) == 1 and isinstance(second.cut.refused[0], DataError)


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    bad = Comparison(prompt="the cat", chosen=[{"role": "user", "content": "x"}] * 2, rejected=" ran")
    with pytest.raises(DataError):
        encode_cached(encoder(), Feedback([*records(), bad], kind="comparison"), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "other",
    [
        lambda: token_key(encoder(8), records()),
        lambda: token_key(encoder(on_bad="skip"), records()),
        lambda: token_key(encoder(views=("chosen",)), records()),
        lambda: token_key(encoder(renderer=Renderer(renderer().tokenizer, end_token="?")), records()),
        lambda: token_key(encoder(renderer=Renderer(renderer().tokenizer, chat_template="chatml")), records()),
        lambda: token_key(encoder(), records("other.jsonl")),
        lambda: token_key(encoder(), records(lead="the dog")),
        lambda: token_key(encoder(), records(count=29)),
    ],
    ids="length bad views end template file text count".split(),
)
def test_other_inputs_have_other_keys(other: Callable[[], str | None]) -> None:
    same = token_key(encoder(), records())
    assert same is not None and same == token_key(encoder(), records())
    assert other() not in (same, None)


def test_a_view_of_somebody_else_is_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from penchant.forest import token_cache

    view = token_cache.find_view("chosen")
    texts = lambda record: view.texts(record)  # noqa: E731 - of this module
    monkeypatch.setattr(token_cache, "find_view", lambda name: type(view)(**{**vars(view), "texts": texts}))
    assert token_key(encoder(), records()) is None
    assert len(encode_cached(encoder(), records(), tmp_path)) and not list(tmp_path.iterdir())


def test_a_cache_that_is_read_only_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode_cached(encoder(), records(), tmp_path)
    plain, made = encoder(8).encode(records()), tempfile.mkdtemp

    def refused(suffix: Any = None, prefix: Any = None, dir: Any = None) -> str:
        if dir == tmp_path:
            raise PermissionError(13, "Permission denied")
        return made(suffix, prefix, dir)

    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    assert list(encode_cached(encoder(8), records(), tmp_path).examples) == plain.examples
    monkeypatch.setattr("penchant.forest.token_cache.encode_large", None)  # nothing is encoded any more
    assert list(encode_cached(encoder(), records(), tmp_path).examples) == encoder().encode(records()).examples
