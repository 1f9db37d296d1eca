"""``penchant list`` and ``penchant show``: every kind of named thing, its summaries and its settings."""

from __future__ import annotations

from typing import Annotated

import pytest
from annotated_types import Gt

from penchant.cli.app import main
from penchant.cli.listing import KINDS, Kind
from penchant.registry import Configurable, Registry

FRUITS: Registry[type[Configurable]] = Registry("fruit")


@FRUITS.register("apple", aliases=("pomme",))
class Apple(Configurable):
    """A red fruit.

    It keeps well.
    """

    origin = "orchard"
    weight: Annotated[float, Gt(0), "how heavy it is, in grams"] = 150.0


@FRUITS.register("pear")
class Pear:
    pass


@pytest.fixture(autouse=True)
def fruits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "fruits", Kind("what grows on trees", f"{__name__}.FRUITS", facts=("origin",)))
    monkeypatch.setenv("COLUMNS", "200")


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    captured = capsys.readouterr()
    return " ".join((captured.err if code else captured.out).split())


def test_without_a_kind_the_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "list")
    assert all(f"{name} {kind.meaning}" in shown for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", KINDS)
def test_every_thing_of_every_kind_is_listed_and_shown(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    registry = KINDS[kind].load()
    shown = said(capsys, "list", kind)
    assert len(registry.names()) > 1 and all(f" {name} " in f" {shown} " for name in registry)
    assert f"{len(registry.names())} {kind}; `penchant show {kind} ID` shows one." in shown
    page = said(capsys, "show", kind, registry.names()[0])
    assert registry.names()[0] in page and len(page) > len(registry.names()[0]) + 10


def test_aliases_stand_beside_the_name_and_find_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert "apple A red fruit. (also pomme)" in said(capsys, "list", "fruits")
    assert said(capsys, "show", "fruits", "pomme") == said(capsys, "show", "fruits", "apple")


def test_settings_are_shown_with_type_range_default_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "show", "fruits", "apple")
    assert shown.startswith("apple: A red fruit. It keeps well. origin: orchard")
    assert "weight float > 0 150.0 how heavy it is, in grams" in shown


def test_a_thing_without_settings_or_docstring_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "show", "fruits", "pear") == "pear:"
    assert "pear" in said(capsys, "list", "fruits")


def test_builders_say_what_they_read_and_write(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "show", "builders", "rso")
    assert "reads: rankings with scores" in shown and "writes: chosen_score, rejected_score" in shown
    assert "pairing one of 'first-round', 'tournament' 'first-round' how accepted candidates are paired" in shown


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        (("list", "friuts"), "There is no kind 'friuts'. Did you mean 'fruits'?"),
        (("show", "friuts", "apple"), "There is no kind 'friuts'. Did you mean 'fruits'?"),
        (("show", "fruits", "aple"), "penchant show fruits: There is no fruit 'aple'. Did you mean 'apple'?"),
        (("show", "methods", "dpoo"), "There is no objective 'dpoo'. Did you mean 'dpo'?"),
    ],
)
def test_an_unknown_name_gives_the_nearest(
    words: tuple[str, ...], phrase: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert phrase in said(capsys, *words, code=1)


def test_a_view_is_shown_with_its_own_facts_alone(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "show", "views", "mismatched")
    assert shown == "mismatched: two examples with responses crossed: responses"
    assert "source: forget" in said(capsys, "show", "views", "forget")
