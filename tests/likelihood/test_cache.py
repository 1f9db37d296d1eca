"""The cache of reference log-probabilities, including damaged files, full disks and concurrent runs."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from families import FAMILIES, tiny_model
from penchant.errors import OutputError
from penchant.forest import TokenSequence
from penchant.likelihood import CausalScorer
from penchant.likelihood.cache import ReferenceCache, default_folder, fingerprint
from penchant.likelihood.store import Store, _patiently
from small_images import unet

MODEL = "0" * 64


def numbered(count: int, start: int = 0) -> tuple[list[TokenSequence], list[torch.Tensor]]:
    """Sequences with values that follow from their tokens."""
    sequences = [TokenSequence([7, place], [place] * (1 + place % 4)) for place in range(start, start + count)]
    return sequences, [torch.full((len(each.response),), -float(each.prompt[1])) for each in sequences]


def write(folder: str, start: int, barrier: object) -> None:
    """One of two concurrent runs."""
    cache = ReferenceCache(Path(folder), MODEL)
    barrier.wait()  # type: ignore[attr-defined]
    for place in range(start, start + 60, 3):
        cache.put(*numbered(3, place))
    cache.close()


def test_values_come_back_bit_for_bit(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path / "new" / "folder", MODEL)
    sequences = [TokenSequence([1], [2, 3]), TokenSequence([1], [2])]
    values = [torch.tensor([-0.1, -1e-30]), torch.tensor([-1e4])]
    cache.put(sequences, values)
    cache.close()
    again = ReferenceCache(tmp_path / "new" / "folder", MODEL)
    unknown = TokenSequence([1, 2], [3])  # the same tokens, another boundary
    assert again.has([*sequences, unknown]) == [True, True, False]
    first, second, third = again.get([*sequences, unknown])
    assert torch.equal(first, values[0])  # type: ignore[arg-type]
    assert torch.equal(second, values[1])  # type: ignore[arg-type]
    assert third is None


def test_keys_distinguish_boundaries_and_tokens() -> None:
    different = [([1], [2, 3]), ([1, 2], [3]), ([1, 2, 3], []), ([2], [1, 3]), ([1], [2, 4]), ([256], [2, 3])]
    assert len({ReferenceCache.key(TokenSequence(*each)) for each in different}) == len(different)
    assert ReferenceCache.key(TokenSequence((1,), (2, 3))) == ReferenceCache.key(TokenSequence([1], [2, 3]))


def test_models_have_files_of_their_own(tmp_path: Path) -> None:
    assert ReferenceCache(tmp_path, "a" * 64).path != ReferenceCache(tmp_path, "b" * 64).path


def test_a_value_that_is_there_is_kept(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path, MODEL)
    sequence = TokenSequence([1], [2])
    cache.put([sequence], [torch.tensor([-1.0])])
    cache.put([sequence], [torch.tensor([-2.0])])
    assert [each.tolist() for each in cache.get([sequence]) if each is not None] == [[-1.0]]


def test_two_runs_may_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    # They overlap in a third of what they write.
    runs = [context.Process(target=write, args=(str(tmp_path), start, barrier)) for start in (0, 30)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0]
    cache = ReferenceCache(tmp_path, MODEL)
    sequences, values = numbered(90)
    for kept, value in zip(cache.get(sequences), values, strict=True):
        assert kept is not None
        assert torch.equal(kept, value)
    assert cache.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert cache.connection.execute("SELECT COUNT(*) FROM hashed_logps").fetchone() == (90,)


def test_a_file_that_is_not_a_database_is_set_aside(tmp_path: Path) -> None:
    path = ReferenceCache(tmp_path, MODEL).path
    for leftover in tmp_path.iterdir():
        leftover.unlink()
    path.write_bytes(b"not a database at all " * 200)
    path.with_name(path.name + "-wal").write_bytes(b"a journal of something else")
    cache = ReferenceCache(tmp_path, MODEL)
    sequences, values = numbered(5)
    cache.put(sequences, values)
    assert cache.has(sequences) == [True] * 5
    assert path.with_suffix(".corrupt").read_bytes().startswith(b"not a database")


def test_a_file_of_zeros_is_set_aside_when_it_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ReferenceCache(tmp_path, MODEL)
    sequences, values = numbered(2000)
    cache.put(sequences, values)
    cache.close()
    content = bytearray(cache.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    cache.path.write_bytes(content)
    again = ReferenceCache(tmp_path, MODEL)
    assert again.get(sequences) == [None] * len(sequences)
    assert str(cache.path) in caplog.text and "set aside" in caplog.text
    again.put(sequences, values)
    assert all(kept is not None for kept in again.get(sequences))


@pytest.mark.parametrize("where", ["value", "digest"])
def test_a_flipped_bit_is_named_and_its_value_not_used(
    where: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = ReferenceCache(tmp_path, MODEL)
    sequences, values = numbered(4)
    cache.put(sequences, values)
    key = ReferenceCache.key(sequences[2])
    (content,) = cache.connection.execute(f"SELECT {where} FROM hashed_logps WHERE key = ?", (key,)).fetchone()
    flipped = bytes([content[0] ^ 1]) + content[1:]
    cache.connection.execute(f"UPDATE hashed_logps SET {where} = ? WHERE key = ?", (flipped, key))
    assert cache.has(sequences) == [True, True, False, True]
    assert str(cache.path) in caplog.text and "damaged value" in caplog.text
    cache.put(sequences, values)
    assert cache.has(sequences) == [True] * 4


def test_the_file_of_another_model_gives_nothing(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path, MODEL)
    sequences, values = numbered(3)
    cache.put(sequences, values)
    cache.close()
    other = ReferenceCache(tmp_path, "other" + MODEL)
    other.close()
    other.path.write_bytes(cache.path.read_bytes())
    assert ReferenceCache(tmp_path, "other" + MODEL).has(sequences) == [False] * 3


def test_an_unwritable_folder_is_an_error_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as caught:
        ReferenceCache(tmp_path / "file" / "folder", MODEL)
    for part in (str(tmp_path / "file" / "folder"), "PENCHANT_CACHE", "reference=initial"):
        assert part in str(caught.value)


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path, MODEL)
    cache.put(*numbered(1))
    pages = cache.connection.execute("PRAGMA page_count").fetchone()[0]
    cache.connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(OutputError, match=r"cannot be saved.*full.*Free disk space"):
        cache.put(*numbered(3000))
    cache.close()
    again = ReferenceCache(tmp_path, MODEL)
    assert sum(again.has(numbered(3000)[0])) == 1  # all of a batch, or nothing
    with sqlite3.connect(again.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_folder_of_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PENCHANT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "penchant" / "reference"


def test_a_fingerprint_is_the_model_and_not_how_it_is_run() -> None:
    model = tiny_model("llama")
    plain = fingerprint(model)
    assert fingerprint(tiny_model("llama")) == plain
    for attention in ("segments", "dense", "sequences"):
        scorer = CausalScorer(model, attention)
        assert fingerprint(scorer.core) == plain
        scorer.close()
    assert fingerprint(model.train()) == plain
    model.gradient_checkpointing_enable()
    assert fingerprint(model) == plain


def test_the_fingerprint_of_a_denoiser_is_the_same_in_every_process() -> None:
    network = unet()
    plain = fingerprint(network)
    filled_in = network.config["_use_default_values"]
    assert len(filled_in) > 1, "diffusers lists them in the order of a set"
    network._internal_dict = {**network.config, "_use_default_values": filled_in[::-1]}
    assert fingerprint(network) == plain
    network._internal_dict = {**network.config, "norm_eps": 1e-3}
    assert fingerprint(network) != plain


def test_every_model_has_a_fingerprint_of_its_own() -> None:
    prints = {fingerprint(tiny_model(name)) for name in FAMILIES}
    assert len(prints) == len(FAMILIES)
    assert fingerprint(tiny_model("llama", seed=1)) not in prints
    assert fingerprint(tiny_model("llama").to(torch.bfloat16)) not in prints
    wider = tiny_model("llama")
    wider.config.rope_parameters = {**wider.config.rope_parameters, "rope_theta": 5000.0}
    assert fingerprint(wider) not in prints


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Processes of a run open one cache, and close it again, at the same time."""
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            at_once = threading.Barrier(8)

            def opened(number: int, path: Path = tmp_path / f"{attempt}.sqlite", start: Any = at_once) -> None:
                start.wait()
                store = Store(path)
                store.write([(bytes([number]), b"value")])
                store.close()

            list(pool.map(opened, range(8)))
            store = Store(tmp_path / f"{attempt}.sqlite")
            assert all(store.read(bytes([number])) == b"value" for number in range(8))
            store.close()


def test_a_file_that_is_refused_at_once_is_opened_a_moment_later(tmp_path: Path) -> None:
    """SQLite does not wait while another process opens or closes the write-ahead log."""

    class Refusing:
        refused = 0

        def execute(self, statement: str) -> None:
            if self.refused < 3:
                self.refused += 1
                raise sqlite3.OperationalError("database is locked")

    connection: Any = Refusing()
    _patiently(connection, "PRAGMA journal_mode=WAL")
    assert connection.refused == 3


def test_a_cache_that_is_read_only_is_used_and_new_values_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "shared.sqlite"
    writer = Store(path)
    writer.write([(b"known", b"value")])
    writer.close()
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    monkeypatch.setattr(os, "access", lambda place, mode: not mode & os.W_OK)
    for _ in range(2):
        reader = Store(path)
        assert reader.read(b"known") == b"value" and reader.read(b"new") is None
        reader.write([(b"new", b"own"), (b"known", b"value")])
        assert reader.read(b"new") == b"own"
        reader.close()
    empty = Store(tmp_path / "absent.sqlite")
    empty.write([(b"new", b"own")])
    assert empty.read(b"new") == b"own"
    said = [each.getMessage() for each in caplog.records if "read-only" in each.getMessage()]
    assert len(said) == 2 and "new values are kept for this run alone" in said[0]  # one for each file
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
