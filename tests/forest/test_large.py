"""Large data is encoded to the same examples, counts and errors, whatever the number of processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import tempfile
from pathlib import Path

import pytest

from forest.words import renderer
from penchant.errors import DataError
from penchant.feedback.records import Comparison, Source
from penchant.forest import large
from penchant.forest.encoding import Encoder
from penchant.forest.example import RECORD_INDEX
from penchant.forest.large import encode_large
from penchant.rendering.truncation import Truncation

WORKERS = [1, 3] if "fork" in multiprocessing.get_all_start_methods() else [1]


def record(number: int, chosen: str | None = None, **fields: float) -> Comparison:
    responses = {"chosen": chosen or " sat" + " on" * (number % 4), "rejected": " ran"}
    prompt = "the cat" + " and the dog" * (number % 5)
    return Comparison(prompt=prompt, **responses, source=Source("pairs.jsonl", number + 1), fields=fields)


# Every eleventh is dropped, since its responses are the same.
RECORDS = [record(number, " ran" if number % 11 == 0 else None, margin=number / 3) for number in range(100)]


def encoder(**options: object) -> Encoder:
    return Encoder(renderer(), ["chosen", "rejected"], ["margin", RECORD_INDEX], Truncation(12), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", WORKERS)
def test_examples_and_counts_are_those_of_the_plain_way(workers: int) -> None:
    plain, steps = encoder().encode(RECORDS), []
    found = encode_large(encoder(), RECORDS, steps.append, workers=workers)
    assert list(found.examples) == plain.examples
    assert found.records == plain.records and found.cut == plain.cut
    assert plain.cut.prompt_cut and plain.cut.dropped  # there was something to count
    assert all(step <= len(RECORDS) for step in steps)


@pytest.mark.parametrize("workers", WORKERS)
def test_the_error_is_that_of_the_first_bad_record(workers: int) -> None:
    bad = [record(number) if number in (20, 40, 90) else each for number, each in enumerate(RECORDS)]
    with pytest.raises(DataError) as plain:
        encoder().encode(bad)
    with pytest.raises(DataError) as found:
        encode_large(encoder(), bad, workers=workers)
    assert str(found.value) == str(plain.value) and "pairs.jsonl:21" in str(plain.value)
    assert (found.value.where, found.value.fix) == (plain.value.where, plain.value.fix)


@pytest.mark.parametrize("workers", WORKERS)
def test_refused_records_are_counted_in_their_order(workers: int) -> None:
    bad = [
        Comparison(prompt="the cat", chosen=[{"role": "user", "content": "x"}] * 2, rejected=" ran", source=each.source)
        if number in (5, 50, 95)
        else each
        for number, each in enumerate(RECORDS)
    ]
    plain = encoder(on_bad="skip").encode(bad)
    found = encode_large(encoder(on_bad="skip"), bad, workers=workers)
    assert list(map(str, found.cut.refused)) == list(map(str, plain.cut.refused)) and len(plain.cut.refused) == 3


def test_fields_that_change_between_the_parts_are_an_error() -> None:
    several = Encoder(renderer(), ["chosen", "rejected"], ["margin"], optional=["margin"])
    half = [record(number, **({"margin": 1.0} if number < 50 else {})) for number in range(100)]
    for workers in (1, 2)[: len(WORKERS)]:
        with pytest.raises(DataError, match="'margin' is missing here") as caught:
            encode_large(several, half, workers=workers)
        assert caught.value.where == "pairs.jsonl:51"


def test_nothing_usable_is_an_error() -> None:
    same = [record(0, " ran", margin=1.0) for _ in range(10)]
    with pytest.raises(DataError, match="None of the 10 records can be used"):
        encode_large(encoder(), same, workers=WORKERS[-1])


@pytest.mark.skipif(len(WORKERS) == 1, reason="the system cannot fork")
def test_the_work_of_a_process_that_dies_is_done_again(caplog: pytest.LogCaptureFixture) -> None:
    class Mortal(Encoder):
        def _example(self, record: object, cut: object) -> object:
            if os.getpid() != here and record is RECORDS[60]:
                os._exit(9)
            return super()._example(record, cut)  # type: ignore[arg-type]

    here = os.getpid()
    mortal = Mortal(renderer(), ["chosen", "rejected"], ["margin", RECORD_INDEX], Truncation(12))
    with caplog.at_level(logging.WARNING, "penchant"):
        found = encode_large(mortal, RECORDS, workers=2)
    assert list(found.examples) == encoder().encode(RECORDS).examples
    assert "died" in caplog.text


@pytest.mark.skipif(len(WORKERS) == 1, reason="the system cannot fork")
def test_an_interruption_ends_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(large, "EVERY", 1)

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_large(encoder(), RECORDS, interrupt, workers=2)
    assert not multiprocessing.active_children()
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = encode_large(encoder(), RECORDS, workers=1)
    if os.name == "posix":
        assert not list(tmp_path.iterdir())
    assert found.examples[0].source.line == 2
