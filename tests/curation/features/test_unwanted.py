"""Labels that reward a feature of the texts are exchanged or dropped where it is largest."""

from __future__ import annotations

import random
from typing import Any

import pytest

from penchant.curation.features.unwanted import UnwantedFeature
from penchant.errors import ConfigurationError
from penchant.feedback import read

pytest.importorskip("sklearn")
Row = dict[str, Any]


def rows(count: int = 300) -> list[Row]:
    """A response that says sorry is preferred in nine of ten pairs that differ in it."""
    rng, words = random.Random(0), "river stone cloud apple window garden letter silver".split()
    found = []
    for number in range(count):
        sides = [" ".join(rng.choices(words, k=4)) for _ in range(2)]
        if number % 2:
            sides[0 if rng.random() < 0.9 else 1] += " sorry sorry"
        found.append({"prompt": f"say {number}", "chosen": sides[0], "rejected": sides[1], "id": number})
    return found


def rewarded(built: Any) -> float:
    """Of the pairs that differ in the word, the share whose chosen response has it."""
    has = [["sorry" in row[side] for side in ("chosen", "rejected")] for row in built]
    differ = [one for one, other in has if one != other]
    return sum(differ) / len(differ)


def test_the_labels_that_reward_the_feature_most_are_exchanged_or_dropped() -> None:
    given = rows()
    before = rewarded(given)
    built = UnwantedFeature(word="sorry", count=60).build(read(given))
    changed = [row for row, own in zip(built.rows, given, strict=True) if row["chosen"] != own["chosen"]]
    assert built.counts["flipped"] == len(changed) == 60 and len(built.rows) == 300
    assert sum("sorry" in row["rejected"] and "sorry" not in row["chosen"] for row in changed) >= 40
    assert rewarded(built.rows) < before - 0.25
    largest = min(row["feature"] for row in changed)
    assert largest > 0 and all(row["feature"] <= largest for row in built.rows if row not in changed)
    dropped = UnwantedFeature(word="sorry", count=60, how="drop").build(read(given))
    assert dropped.counts["dropped"] == 60 and len(dropped.rows) == 240
    kept = {row["id"] for row in dropped.rows}
    assert kept == {row["id"] for row in built.rows} - {row["id"] for row in changed}


def test_a_word_of_no_feature_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)No feature has the word 'zebra'.*sorry"):
        UnwantedFeature(word="zebra").build(read(rows(120)))
