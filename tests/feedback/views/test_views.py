"""Views by name: the built-in ones and one that a user adds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forest.words import renderer
from penchant.curation.registry import BUILDERS
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.shapes.shape import SHAPES
from penchant.feedback.records import Comparison, Demonstration, Judgement, Ranking, Record, Text
from penchant.feedback.views import register_view, view_names
from penchant.feedback.views.view import BUILT_FIELDS, VIEWS, how_to_make, view_texts
from penchant.forest import Encoder

PAIR = Comparison(prompt="the cat", chosen=" sat", rejected=" ran")


@pytest.fixture
def reversed_view() -> Iterator[str]:
    """A view of the chosen words in reverse order, registered for the duration of the test."""

    @register_view("chosen_reversed", needs="a comparison whose words can be turned round")
    def chosen_reversed(record: Record) -> list[tuple[Text, Text]] | None:
        if not isinstance(record, Comparison) or not isinstance(record.chosen, str):
            return None
        return [(record.prompt, " " + " ".join(reversed(record.chosen.split())))]

    yield "chosen_reversed"
    VIEWS.remove("chosen_reversed")


@pytest.mark.parametrize(
    ("name", "record", "texts"),
    [
        ("chosen", PAIR, [("the cat", " sat")]),
        ("rejected", PAIR, [("the cat", " ran")]),
        ("responses", PAIR, [("the cat", " sat"), ("the cat", " ran")]),
        ("chosen", Demonstration(prompt="a", completion=" dog"), [("a", " dog")]),
        ("responses", Judgement(prompt="a", completion=" dog", label=True), [("a", " dog")]),
        ("responses", Ranking(prompt="a", completions=(" dog", " cat")), [("a", " dog"), ("a", " cat")]),
    ],
)
def test_what_each_kind_of_record_supplies(name: str, record: Record, texts: list[tuple[Text, Text]]) -> None:
    assert view_texts(name, record) == texts


def test_a_new_view_is_one_function(reversed_view: str) -> None:
    assert reversed_view in view_names()
    record = Comparison(prompt="the", chosen=" cat sat", rejected=" ran")
    (example,) = Encoder(renderer(), ["chosen", reversed_view]).encode([record]).examples
    assert example.views[reversed_view][0].response == renderer().response_ids("the", " sat cat")
    with pytest.raises(DataError, match="needs a comparison whose words can be turned round"):
        view_texts(reversed_view, Demonstration(prompt="a", completion=" dog"))


def test_the_registration_ended_with_its_test() -> None:
    assert view_names() == sorted(view_names())
    assert "chosen_reversed" not in view_names()


def test_an_unknown_view_names_the_nearest_and_how_to_register_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        view_texts("choosen", PAIR)
    for part in ("'choosen'", "Did you mean 'chosen'", "register_view"):
        assert part in str(caught.value)


def test_every_builder_that_a_view_names_is_a_command_that_writes_data() -> None:
    made = {(view.builder, field) for view in VIEWS.things() if view.builder for field in view.fields}
    made |= {(BUILT_FIELDS.get(field), field) for field in BUILT_FIELDS}
    named = {"rationale", "prompts", "degrade", "sources", "refusals", "samples", "density-ratio", "margin-rewards"}
    assert {builder for builder, _ in made} == named | {"spans", "triples", "replay", "mixed-texts"}
    assert [(builder, field) for builder, field in made if field not in BUILDERS.get(builder).writes] == []
    assert "penchant data build sources" in str(how_to_make("chosen_sources")) and how_to_make("margin") is None


def test_every_view_is_read_by_metrics_that_exist_and_is_held_against_a_view_that_exists() -> None:
    for view in VIEWS.things():
        assert set(view.shapes) <= set(SHAPES.names())
        assert all(other is None or other in VIEWS for other in (view.against, view.crossed))
    assert {shape for view in VIEWS.things() for shape in view.shapes} == set(SHAPES.names())


def test_a_source_supplies_its_one_response_and_refuses_two() -> None:
    assert view_texts("forget", Demonstration(prompt="a", completion=" dog")) == [("a", " dog")]
    with pytest.raises(DataError, match="cannot supply the view 'retain', which needs a record with one response"):
        view_texts("retain", PAIR)
