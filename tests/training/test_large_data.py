"""A run on large data, whose tokens are on disk, is the run that it is with tokens in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.feedback import kept
from penchant.forest import large, token_cache
from penchant.forest.stored import StoredExamples
from penchant.training import Result
from penchant.training.preparation import prepare
from penchant.training.progress import ProgressReporter
from penchant.training.reading import Given
from penchant.training.recipe import make_recipe
from small_runs import losses, metrics, pairs, stopped_after, weights

Train = Callable[..., Result]

FACTS = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs()]


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """From here on, a dozen records are large data, for two processes; the cache is empty."""

    def switch() -> None:
        monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(kept, "LARGE", 8)
        monkeypatch.setattr(kept, "BLOCK", 4)
        monkeypatch.setattr(large, "LARGE", 8)
        monkeypatch.setattr(large, "SHARE", 6)

    return switch


@pytest.mark.parametrize(
    "changed",
    [
        {"group_by_length": True, "accumulate": 2},
        {"eval_share": 0.3, "eval_data": None},
        {"data": pairs(weight=[0.5, 1.0] * 6), "tokens_per_batch": 60},
        {
            "data": {"forget": FACTS, "retain": [{**each, "prompt": f"And {each['prompt']}"} for each in FACTS[:10]]},
            "objective": "grad-diff",
        },
    ],
    ids=["grouped", "held out", "weighted", "two sources"],
)
def test_losses_and_weights_are_the_same(changed: dict[str, Any], train: Train, on_disk: Callable[[], None]) -> None:
    in_memory = train("memory", **changed)
    on_disk()
    stored = train("disk", **changed)
    assert losses(stored.folder) == losses(in_memory.folder)
    assert _untimed(stored) == _untimed(in_memory)
    ours, theirs = weights(stored.folder), weights(in_memory.folder)
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    for key in ("fingerprints", "examples", "cut", "data"):
        assert stored.summary[key] == in_memory.summary[key]


def _untimed(result: Result) -> list[dict[str, float]]:
    rows = metrics(result.folder, "eval").values()
    return [
        {name: value for name, value in row.items() if name not in ("seconds", "tokens_per_second")} for row in rows
    ]


def test_a_run_goes_on_from_its_checkpoint(
    train: Train, on_disk: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {"max_steps": 6, "save_every": 2}
    whole = train("whole", **steps)
    on_disk()
    stopped_after(5, lambda: train("part", **steps), monkeypatch)
    assert len(metrics(tmp_path / "part")) == 5
    resumed = train("part", resume=True, **steps)
    assert losses(resumed.folder) == pytest.approx(losses(whole.folder), abs=1e-6)


def test_the_records_are_given_up(folder: Path, tmp_path: Path, on_disk: Callable[[], None]) -> None:
    on_disk()
    recipe = make_recipe({"model": str(folder), "data": "memory", "output": str(tmp_path / "run")})
    prepared = prepare(recipe, Given(data=pairs()), ProgressReporter(quiet=True))
    assert isinstance(prepared.supply.examples, StoredExamples)
    assert not prepared.train.records and len(prepared.train) == 12


def _encodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the sets that are encoded from here on, and not read from the cache."""
    encoded: list[str] = []
    plain = token_cache.encode_large

    def counted(*given: Any, **named: Any) -> Any:
        encoded.append("encoded")
        return plain(*given, **named)

    monkeypatch.setattr(token_cache, "encode_large", counted)
    return encoded


def test_the_next_run_reads_the_tokens_and_is_the_same(
    train: Train, on_disk: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk()
    encoded = _encodings(monkeypatch)
    first = train("first")
    count = len(encoded)
    assert count
    second = train("second")
    assert len(encoded) == count
    assert losses(second.folder) == losses(first.folder)
    assert second.summary["cut"] == first.summary["cut"]


@pytest.mark.parametrize("changed", [{"max_length": 12}, {"data": pairs(weight=[2.0] * 12)}, {"end_token": "[PAD]"}])
def test_other_data_and_settings_are_encoded(
    changed: dict[str, Any], train: Train, on_disk: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk()
    encoded = _encodings(monkeypatch)
    train("first")
    count = len(encoded)
    train("second", **changed)
    assert len(encoded) > count


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "entry"])
def test_damaged_tokens_are_named_and_made_again(
    harm: str,
    train: Train,
    on_disk: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    on_disk()
    encoded = _encodings(monkeypatch)
    first = train("first")
    count = len(encoded)
    for path in (tmp_path / "cache" / "tokens").glob("*/tokens-0000.arrow"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        if harm == "remove":
            path.unlink()
        elif harm == "entry":
            (path.parent / "entry.json").write_text("{")
        else:
            path.write_bytes(bytes(data) if harm == "flip" else bytes(data[:100]))
    second = train("second")
    assert len(encoded) == 2 * count
    assert any("are damaged" in warning for warning in second.summary["warnings"])
    assert losses(second.folder) == losses(first.folder)
    train("third")
    assert len(encoded) == 2 * count  # what was damaged is whole again


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    train: Train, on_disk: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_disk()
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert losses(train("run").folder)
