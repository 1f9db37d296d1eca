"""Encoding gives exactly the views and fields that an objective needs; other records are errors or counted."""

from __future__ import annotations

from typing import Any

import pytest

from forest.words import END, renderer
from penchant.errors import DataError
from penchant.feedback.records import Comparison, Demonstration, Judgement, Prompt, Ranking, Record, Source
from penchant.feedback.views import register_view
from penchant.feedback.views.view import VIEWS
from penchant.forest import Encoder, TokenSequence, collate
from penchant.rendering.truncation import Truncation

HERE = Source("pairs.jsonl", 7)


def pair(prompt: str = "the cat", chosen: str = " sat", rejected: str = " ran", **fields: Any) -> Comparison:
    return Comparison(prompt=prompt, chosen=chosen, rejected=rejected, source=HERE, fields=fields)


def encoder(*views: str, **options: Any) -> Encoder:
    return Encoder(renderer(), views or ("chosen", "rejected"), **options)


def test_views_hold_the_tokens_that_the_renderer_gives() -> None:
    record = pair()
    (example,) = encoder().encode([record]).examples
    ours = renderer()
    prompt = ours.prompt_ids("the cat")
    assert example.views == {
        "chosen": [TokenSequence(prompt, ours.response_ids("the cat", " sat"))],
        "rejected": [TokenSequence(prompt, ours.response_ids("the cat", " ran"))],
    }
    assert example.views["chosen"][0].response[-1] == END
    assert (example.weight, example.source, example.fields) == (1.0, HERE, {})
    assert example.size == len(prompt) + 2 + 2


def test_all_responses_of_a_ranking_are_one_view() -> None:
    ranking = Ranking(prompt="the cat", completions=(" sat", " ran", " sat down"), scores=(3.0, 1.0, 2.0))
    (example,) = encoder("responses", fields=["scores"]).encode([ranking]).examples
    ours = renderer()
    assert [each.response for each in example.views["responses"]] == [
        ours.response_ids("the cat", text) for text in ranking.completions
    ]
    assert example.fields == {"scores": [3.0, 1.0, 2.0]}


def test_fields_are_read_from_the_record_and_from_its_extras() -> None:
    judged = Judgement(prompt="the", completion=" cat", label=False, fields={"weight": 2.5, "margin": "0.5"})
    (example,) = encoder("responses", fields=["label", "margin"]).encode([judged]).examples
    assert example.fields == {"label": 0.0, "margin": 0.5}
    assert example.weight == 2.5


def test_a_missing_view_names_view_place_and_remedy() -> None:
    judged = Judgement(prompt="the", completion=" cat", label=True, source=HERE)
    with pytest.raises(DataError) as caught:
        encoder().encode([judged])
    for part in ("pairs.jsonl:7", "'judgement'", "'chosen'", "comparison", "penchant methods"):
        assert part in str(caught.value)


def test_a_prompt_alone_has_no_responses() -> None:
    with pytest.raises(DataError, match="'prompt' cannot supply the view 'responses'"):
        encoder("responses").encode([Prompt(prompt="the")])


def test_a_missing_field_names_field_place_and_remedy() -> None:
    with pytest.raises(DataError) as caught:
        encoder(fields=["margin"]).encode([pair(annotator="ann", score=1)])
    for part in ("pairs.jsonl:7", "'margin'", "annotator, score", "--map margin=COLUMN"):
        assert part in str(caught.value)


@pytest.mark.parametrize("value", ["much", float("nan"), float("inf"), [1.0, None], {"a": 1}])
def test_a_field_that_is_not_a_number_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"pairs.jsonl:7: The field 'margin' is .*not a finite number"):
        encoder(fields=["margin"]).encode([pair(margin=value)])


def test_a_weight_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(DataError, match=r"pairs.jsonl:7: The field 'weight'"):
        encoder().encode([pair(weight="heavy")])
    assert encoder().encode([pair(weight=None)]).examples[0].weight == 1.0


def test_an_optional_field_may_be_absent_from_all_records_but_not_from_some() -> None:
    optional = encoder(fields=["margin"], optional=["margin"])
    assert optional.encode([pair(), pair("a")]).examples[0].fields == {}
    without = Comparison(prompt="a", chosen=" cat", rejected=" dog", source=Source("pairs.jsonl", 9))
    for records in ([pair(margin=1), without], [without, pair(margin=1)]):
        with pytest.raises(
            DataError, match=r"pairs.jsonl:9: The field 'margin' is missing here, but pairs.jsonl:7 has it"
        ):
            optional.encode(records)


def test_an_optional_view_may_be_absent() -> None:
    shown = Demonstration(prompt="the", completion=" cat")
    (example,) = encoder(optional=["rejected"]).encode([shown]).examples
    assert list(example.views) == ["chosen"]


def test_a_record_with_none_of_the_views_is_counted() -> None:
    judged = Judgement(prompt="the", completion=" cat", label=True)
    data = encoder(optional=["chosen", "rejected"]).encode([pair(), judged])
    assert len(data) == 1
    assert data.cut.dropped == 1


def test_responses_identical_after_truncation_are_dropped_and_counted() -> None:
    same = pair(chosen=" sat on the dog", rejected=" sat on the cat")
    data = encoder(truncation=Truncation(5, "response_right")).encode([same, pair()])
    assert [example.source for example in data.examples] == [HERE]
    assert data.examples[0].views["chosen"][0].response[-1] == END
    assert data.cut.kept == 1
    assert data.cut.identical_after_cut == 1
    assert data.cut.dropped_because == {"responses identical after truncation": 1}
    whole = encoder().encode([same])
    assert (len(whole), whole.cut.dropped) == (1, 0)


def test_responses_identical_from_the_start_are_dropped_but_no_cut_is_blamed() -> None:
    data = encoder().encode([pair(rejected=" sat"), pair()])
    assert (len(data), data.cut.dropped, data.cut.identical_after_cut) == (1, 1, 0)


def test_a_judgement_is_not_identical_with_itself() -> None:
    assert len(encoder("responses").encode([Judgement(prompt="the", completion=" cat", label=True)])) == 1


def test_all_responses_of_a_record_keep_the_same_prompt() -> None:
    record = pair("the cat sat on the dog", chosen=" and ran", rejected=" and ran and ran and sat")
    data = encoder(truncation=Truncation(9, "prompt_left")).encode([record])
    (example,) = data.examples
    chosen, rejected = example.views["chosen"][0], example.views["rejected"][0]
    assert list(chosen.prompt) == list(rejected.prompt)
    assert len(rejected.prompt) + len(rejected.response) == 9
    assert (data.cut.prompt_cut, data.cut.response_cut, data.cut.end_token_lost) == (1, 0, 0)
    assert chosen.response[-1] == rejected.response[-1] == END


def test_records_that_do_not_fit_are_counted_with_their_reason() -> None:
    long = pair("the cat sat on the dog and ran")
    data = encoder(truncation=Truncation(6, "drop")).encode([long, pair()])
    assert (len(data), data.cut.dropped_because) == (1, {"longer than max_length": 1})
    with pytest.raises(DataError, match=r"None of the 1 records can be used \(1 longer than max_length\).*max_length"):
        encoder(truncation=Truncation(6, "drop")).encode([long])


def test_an_error_of_the_truncation_names_the_record() -> None:
    with pytest.raises(DataError, match=r"pairs.jsonl:7: A record has"):
        encoder(truncation=Truncation(4, "error")).encode([pair("the cat sat on the dog")])


def test_nothing_to_encode_is_refused() -> None:
    with pytest.raises(DataError, match="None of the 0 records"):
        encoder().encode([])


def test_progress_counts_records() -> None:
    told: list[int] = []
    encoder().encode([pair(), pair(rejected=" sat"), pair("a")], told.append)
    assert told == [1, 2, 3]


def test_a_whole_view_scores_its_prompt_too() -> None:
    @register_view("chosen_with_its_prompt", needs="a comparison", whole=True)
    def with_prompt(record: Record) -> list[tuple[Any, Any]] | None:
        return [(record.prompt, record.chosen)] if isinstance(record, Comparison) else None

    try:
        (example,) = encoder("chosen", "chosen_with_its_prompt").encode([pair()]).examples
    finally:
        VIEWS.remove("chosen_with_its_prompt")
    ours = renderer()
    prompt, response = ours.prompt_ids("the cat"), ours.response_ids("the cat", " sat")
    assert example.views == {
        "chosen": [TokenSequence(prompt, response)],
        "chosen_with_its_prompt": [TokenSequence(prompt[:1], prompt[1:] + response)],
    }


def test_a_record_has_its_number_and_rows_of_numbers() -> None:
    records = [pair(goals=[1.0, 2.0]), pair(chosen=" ran", rejected=" sat", goals=[3.0, 4.0])]
    batch = collate(encoder(fields=["record_index", "goals"]).encode(records).examples)
    assert batch.fields["record_index"].tolist() == [0.0, 1.0]
    assert batch.fields["goals"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(DataError, match=r"'goals' has 1 number\(s\) here, 2 at"):
        encoder(fields=["goals"]).encode([records[0], pair(goals=[1.0])])
