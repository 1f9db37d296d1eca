"""Records on disk are the records in memory: the same records, order, layout, fingerprint and errors."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError, OutputError
from penchant.feedback import Feedback, kept, read
from penchant.feedback.kept import Chosen, Kept, stored
from penchant.feedback.known.table import LAYOUTS, layout_of
from penchant.feedback.pairing import paired
from penchant.feedback.unpairing import unpaired

PAIRS = [
    {"prompt": f"Q{n}?", "chosen": f"Y{n}\u2028", "rejected": f"No 你{n}", "margin": n / 3, "split": "ab"[n % 2]}
    for n in range(61)
]  # fmt: skip
CHATS = [
    {"messages": [{"role": "user", "content": f"Hi {n}"}, {"role": "assistant", "content": "Hello!"}], "label": n % 2}
    for n in range(40)
]
RANKED = [{"prompt": f"Q{n}", "completions": ["a", "b", "c"], "scores": [n % 3, 1, 2]} for n in range(40)]
# One row a response; the rows of a prompt are one record.
RATED = [{"prompt": f"Q{n // 3}", "response": f"R{n}", "helpfulness": n % 3} for n in range(60)]
# Some rows have a system text, others an empty one, others none.
LED = [
    {"prompt": f"Q{n}", "completion": f"A{n}", **([{"system": "Be brief."}, {"system": ""}, {}][n % 3])}
    for n in range(45)
]
# The responses to a prompt lie far apart, and one grade is none.
APART = [
    {"question": f"Q{n % 20}", "answer": f"R{n}", "stars": "?" if n == 31 else "★" * (n // 20 + 1)} for n in range(60)
]
# Messages of trees, one a row, the answers before their questions.
MESSAGES = [
    {"message_id": f"m{n}", "parent_id": f"m{n - n % 3 + 2}" if n % 3 < 2 else None, "text": f"T{n}", "rank": n % 3,
     "role": "assistant" if n % 3 < 2 else "prompter", "deleted": n == 4}
    for n in range(60)
]  # fmt: skip
TREES = [
    {"message_tree_id": f"t{n}", "prompt": {"text": f"Q{n}", "role": "prompter", "replies": [
        {"text": f"A{n}.{rank}", "role": "assistant", "rank": rank, "replies": []} for rank in range(n % 3 + 1)]}}
    for n in range(30)
]  # fmt: skip
FLAWED = [{**row, "chosen": ""} if at % 7 == 3 else row for at, row in enumerate(PAIRS)]
HIDDEN = [{"asked": row["prompt"], "good": row["chosen"], "bad": {"text": row["rejected"]}} for row in PAIRS]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From here on, nine records are many."""

    def switch() -> None:
        monkeypatch.setattr(kept, "LARGE", 8)
        monkeypatch.setattr(kept, "BLOCK", 4)

    return switch


def described(feedback: Feedback) -> tuple[Any, ...]:
    bad = [str(error) for error in feedback.bad]
    return list(feedback), feedback.fingerprint, feedback.kind, feedback.layout, feedback.origin, feedback.name, bad


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (PAIRS, {}),
        (PAIRS, {"split": "a"}),
        (PAIRS, {"kind": "prompt"}),
        (CHATS, {}),
        (CHATS, {"train_on": "assistant"}),
        (RANKED, {}),
        (RATED, {}),
        (APART, {"kind": "ranking", "on_bad": "skip"}),
        (MESSAGES, {}),
        (TREES, {}),
        (LED, {}),
        (FLAWED, {"on_bad": "skip"}),
        (HIDDEN, {"mapping": {"prompt": "asked", "chosen": "good", "rejected": "bad.text"}}),
        ([*PAIRS[:5], *CHATS[:3]], {"on_bad": "skip"}),
    ],
    ids="pairs split prompts chats turns rankings gathered graded messages trees systems flawed mapped mixed".split(),
)
def test_the_records_are_the_same(
    rows: Any, options: dict[str, Any], tmp_path: Path, small: Callable[[], None]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    in_memory = described(read(path, **options))
    small()
    found = read(path, **options)
    assert stored(found.records) == (len(found) > 7)
    assert described(found) == in_memory


def _jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n\n" for row in PAIRS), encoding="utf-8")


def _gz(path: Path) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in PAIRS).encode()))


def _wide(path: Path) -> None:
    path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in PAIRS).encode("utf-16"))


def _csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(PAIRS[0]))
        writer.writeheader()
        writer.writerows(PAIRS)


def _parquet(path: Path) -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    parquet.write_table(arrow.Table.from_pylist(PAIRS), path, row_group_size=10)


def _arrow(path: Path) -> None:
    import pyarrow as arrow

    table = arrow.Table.from_pylist(PAIRS)
    with arrow.ipc.new_stream(str(path), table.schema) as file:
        file.write_table(table, max_chunksize=7)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.jsonl", _jsonl),
        ("a.jsonl.gz", _gz),
        ("wide.jsonl", _wide),
        ("a.json", lambda path: path.write_text(json.dumps(PAIRS))),
        ("a.csv", _csv),
        ("a.parquet", _parquet),
        ("a.arrow", _arrow),
    ],
)
def test_every_format_is_read_in_pieces(
    name: str, write: Callable[[Path], None], tmp_path: Path, small: Callable[[], None]
) -> None:
    write(tmp_path / name)
    in_memory = described(read(tmp_path / name))
    assert in_memory[1] == read(PAIRS).fingerprint
    small()
    assert described(read(tmp_path / name)) == in_memory


def test_what_can_be_read_only_once_is_kept(small: Callable[[], None]) -> None:
    in_memory = described(read(PAIRS))
    small()

    def once() -> Iterator[dict[str, Any]]:
        yield from PAIRS

    assert described(read(once())) == in_memory


def test_a_lazy_data_set_is_kept(small: Callable[[], None]) -> None:
    datasets = pytest.importorskip("datasets")
    in_memory = described(read(PAIRS))
    small()
    assert described(read(datasets.Dataset.from_list(PAIRS).to_iterable_dataset())) == in_memory


def test_the_first_bad_record_stops_with_the_same_words(tmp_path: Path, small: Callable[[], None]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in FLAWED))
    with pytest.raises(DataError) as plain:
        read(path)
    small()
    with pytest.raises(DataError) as found:
        read(path)
    assert str(found.value) == str(plain.value) and "Checked 4 of 61 records" in str(plain.value)


def test_a_file_that_ends_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    _gz(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="the gzip file is damaged"):
        read(path)
    torn = tmp_path / "rows.jsonl"
    torn.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in PAIRS) + b'{"prompt": "\xff"}\n')
    with pytest.raises(DataError, match="0xff cannot be decoded") as caught:
        read(torn)
    assert caught.value.where == f"{torn}:62"


def test_conversions_are_the_same(small: Callable[[], None]) -> None:
    pairs, judged = described(paired(read(RANKED), "all").feedback), described(unpaired(read(PAIRS)))
    small()
    assert described(paired(read(RANKED), "all").feedback) == pairs
    assert described(unpaired(read(PAIRS))) == judged


def test_slices_and_parts_are_those_of_a_list(small: Callable[[], None]) -> None:
    small()
    numbers, plain = Kept(range(50)), list(range(50))
    assert not numbers.in_memory and numbers == plain and len(numbers) == 50
    for cut in (slice(None), slice(3, 30), slice(40, 5, -3), slice(-7, None), slice(2, 5)):
        assert list(numbers[cut]) == plain[cut]
    part = numbers[10:40]
    assert isinstance(part, Chosen) and part[3] == 13 and list(part[5:25:2]) == plain[15:35:2]
    assert [numbers[at] for at in (-1, 0, 49, 17)] == [49, 0, 49, 17]
    with pytest.raises(IndexError):
        numbers[50]


def test_what_cannot_be_written_stays_in_memory(small: Callable[[], None]) -> None:
    small()
    values: list[Any] = [*range(10), lambda: 1, *range(10)]
    assert Kept(values) == values


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, small: Callable[[], None]) -> None:
    small()

    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(OutputError, match=r"No space left on device.*TMPDIR"):
        Kept(range(100))


@pytest.mark.parametrize(
    "row", [PAIRS[0], CHATS[0], RANKED[0], RATED[0], LED[0], HIDDEN[0], {"question": "Q", "output": "A"}]
)
def test_layouts_that_columns_rule_out_do_not_match(row: dict[str, Any]) -> None:
    matching = [each for each in LAYOUTS if each.matches is not None and each.matches(row)]
    assert layout_of(row) is next(iter(matching), None)
