"""The checks find in records on disk what they find in memory, and what a plain search over all pairs finds."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from penchant.checks.doctor import examine
from penchant.checks.duplicates import bare_prompt, content_key, exchanges
from penchant.checks.near import Near, near_pairs
from penchant.checks.overlap import groups
from penchant.checks.words import words_of
from penchant.feedback import Comparison, Feedback, kept, read
from penchant.feedback.records import Record, Source, as_text
from penchant.rendering import Renderer
from rendering.tokenizers_small import byte_level

WORDS = "apples bears clouds doors eggs forks gates hats isles jars kites lamps moons nests oars pins".split()


def text(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(WORDS, k=count))


def rows(count: int = 60) -> list[dict[str, Any]]:
    """Pairs with repetitions, near repetitions, contradictions and shared prompts, in two splits."""
    rng = random.Random(0)
    found: list[dict[str, Any]] = []
    for at in range(count):
        row = {"prompt": text(rng, 6), "chosen": text(rng, 30), "rejected": text(rng, 20), "annotator": f"A{at % 3}"}
        earlier = rng.choice(found) if found else row
        if at % 10 == 4:
            row = {**earlier}
        elif at % 10 == 6:
            row = {**earlier, "chosen": earlier["rejected"], "rejected": earlier["chosen"], "annotator": "B"}
        elif at % 10 == 8:
            row = {**earlier, "chosen": earlier["chosen"] + " " + text(rng, 1)}
        found.append({**row, "split": ["train", "test"][at % 4 == 3]})
    return found


JUDGED = [{"prompt": row["prompt"], "completion": row["chosen"], "label": at % 3 > 0} for at, row in enumerate(rows())]
RANKED = [
    {"prompt": row["prompt"], "completions": [row["chosen"], row["rejected"], "So."], "scores": [-1, -2, at % 2]}
    for at, row in enumerate(rows())
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From here on, nine records are many."""

    def switch() -> None:
        monkeypatch.setattr(kept, "LARGE", 8)
        monkeypatch.setattr(kept, "BLOCK", 4)

    return switch


@pytest.mark.parametrize("data", [rows(), JUDGED, RANKED], ids=["pairs", "judgements", "rankings"])
@pytest.mark.parametrize("renderer", [None, Renderer(byte_level(adds_bos=True))], ids=["words", "tokens"])
def test_the_findings_are_the_same(data: Any, renderer: Renderer | None, small: Callable[[], None]) -> None:
    plain = examine(read(data), renderer, max_length=60 if renderer else None)
    small()
    assert examine(read(data), renderer, max_length=60 if renderer else None) == plain
    assert {check.verdict for check in plain.checks} > {"ok"}


def value(feedback: Feedback, name: str) -> str:
    return next(check.value for check in examine(feedback, None).checks if check.name == name)


def test_counts_are_those_of_a_plain_search() -> None:
    feedback = read(rows())
    whole = [(content_key(each.prompt), tuple(exchanges(each))) for each in feedback]
    again = sum(key in whole[:at] for at, key in enumerate(whole))
    against = 0
    first: dict[Hashable, Hashable] = {}
    for record in feedback:
        better, worse = exchanges(record)
        against += first.setdefault(frozenset((better, worse)), better) != better
    assert again and against
    assert value(feedback, "exact duplicates").startswith(f"{again} (")
    assert value(feedback, "contradictions").startswith(f"{against} (")
    prompts: dict[Hashable, set[Any]] = {}
    for record in feedback:
        prompts.setdefault(bare_prompt(record.prompt), set()).add(record.fields["split"])
    shared = sum(len(splits) > 1 for splits in prompts.values())
    assert shared and value(feedback, "prompts shared between splits").startswith(f"{shared} (")


def _triples(record: Record) -> set[tuple[str, ...]]:
    words = words_of("\n".join(map(as_text, (record.prompt, *record.responses))))
    return {tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))}


def test_near_pairs_are_near_and_none_that_is_much_nearer_is_missed() -> None:
    records: Sequence[Record] = read(rows(200)).records
    found = near_pairs(records)
    sets = [_triples(record) for record in records]

    def alike(one: int, two: int) -> float:
        return len(sets[one] & sets[two]) / len(sets[one] | sets[two])

    assert found and all(before < at and alike(at, before) >= 0.8 for at, before in found)
    near = {at for at, _ in found}
    missed = [
        at for at in range(len(records)) if at not in near and any(alike(at, other) > 0.97 for other in range(at))
    ]
    assert not missed


def test_near_pairs_do_not_depend_on_how_many_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [*read(rows(90)).records, *(Comparison(prompt=p, chosen="a", rejected="") for p in ("", "b", "b"))]
    plain = near_pairs(records)
    for count in (1, 7, 64):
        monkeypatch.setattr("penchant.checks.near._TEXTS", count)
        assert near_pairs(records) == plain


def test_near_pairs_among_some_are_those_of_these_alone() -> None:
    import numpy

    records = read(rows(120)).records
    near = Near()
    for record in records:
        near.add(record)
    some = numpy.arange(0, len(records), 2)
    alone = near_pairs([records[at] for at in some])
    assert alone and near.pairs(0.8, some) == [(int(some[at]), int(some[before])) for at, before in alone]


def test_near_duplicates_stay_on_one_side_of_a_split_of_many_records(small: Callable[[], None]) -> None:
    records = list(read(rows(120)).records)
    plain = groups(records)
    small()
    assert groups(read(rows(120)).records) == plain
    side = {at: number for number, group in enumerate(plain) for at in group}
    assert all(side[at] == side[before] for at, before in near_pairs(records))


def test_pairs_of_one_ranking_are_no_near_duplicates() -> None:
    base = Comparison(prompt="Q", chosen="a b c d e f", rejected="a b c d e g", source=Source("a.jsonl", 1))
    same = Feedback([base, replace(base, rejected="a b c d e h")], kind="comparison")
    other = Feedback([base, replace(base, source=Source("a.jsonl", 2), rejected="a b c d e h")], kind="comparison")
    counts = [value(each, "near duplicates") for each in (same, other)]
    assert counts[0] == "0"
