"""Examples come back from disk as they were written."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from penchant.feedback.records import Source
from penchant.forest import Example, Supply, TokenSequence
from penchant.forest.batching import Slot
from penchant.forest.stored import ROWS, ExampleWriter, StoredExamples


def example(number: int) -> Example:
    """Views that share a prompt or do not, a mask, an absent view, an empty one, and every form of a field."""
    prompt = list(range(number % 7 + 1))
    mask = (True, False) * (number % 3 + 1)
    responses = [TokenSequence(prompt, list(range(len(mask))), mask), TokenSequence([9], [number], None)]
    views = {"responses": responses, "chosen": [TokenSequence(prompt, [], ())]}
    views |= {"rejected": []} if number % 2 else {}
    fields = {"margin": 0.1 * number, "scores": [1 / 3, float(number)], "values": [[0.1], [1e-300, -2.5]]}
    return Example(views, fields, 1 / (number + 1), Source(f"part {number % 2}.jsonl", number + 1))


def stored(folder: Path, *parts: list[Example]) -> StoredExamples:
    paths = []
    for number, part in enumerate(parts):
        paths.append(folder / f"{number}.arrow")
        writer = ExampleWriter(paths[-1], ["responses", "chosen", "rejected"])
        for each in part:
            writer.add(each)
        writer.close()
    return StoredExamples(paths)


EXAMPLES = [example(number) for number in range(2 * ROWS + 3)]


def test_what_is_read_equals_what_was_written(tmp_path: Path) -> None:
    found = stored(tmp_path, EXAMPLES[: ROWS + 1], [], EXAMPLES[ROWS + 1 :])
    assert list(found) == EXAMPLES
    assert [found[place] for place in range(len(found))] == EXAMPLES
    assert found[-1] == EXAMPLES[-1] and found[ROWS - 1 : ROWS + 2] == EXAMPLES[ROWS - 1 : ROWS + 2]
    # The mask has to be hashable, as that of the encoder is.
    assert found[0].views["responses"][0].learned == (True, False)
    with pytest.raises(IndexError):
        found[len(EXAMPLES)]


def test_sizes_and_weights_are_those_of_the_examples(tmp_path: Path) -> None:
    found = stored(tmp_path, EXAMPLES)
    assert found.sizes == [each.size for each in EXAMPLES]
    assert found.weights == [each.weight for each in EXAMPLES]
    on_disk, in_memory = (Supply(examples, {"retain": examples}) for examples in (found, EXAMPLES))
    assert on_disk.sizes == in_memory.sizes and on_disk.beside_sizes == in_memory.beside_sizes
    assert on_disk.weights == in_memory.weights
    slot = Slot(5, (2,))
    assert on_disk.size(slot) == in_memory.size(slot) and on_disk.at(slot) == in_memory.at(slot)


def test_the_files_may_be_deleted_while_they_are_read(tmp_path: Path) -> None:
    found = stored(tmp_path, EXAMPLES)
    (tmp_path / "0.arrow").unlink()
    assert found[ROWS] == EXAMPLES[ROWS]
    assert list(pickle.loads(pickle.dumps(found))) == EXAMPLES
