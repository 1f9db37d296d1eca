"""Base models on disk: built once, rebuilt when broken, and the same for two processes at once."""

from __future__ import annotations

import json
import logging
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from penchant.errors import OutputError
from penchant.lab import FactsWorld, LanguageWorld, Pretraining, ProgramsWorld, ShapesWorld
from penchant.lab.checkpoints import checkpoints_folder, keep, source_digest

TINY = Pretraining(24, epochs=1, batch_size=12, learning_rate=1e-3, width=32)


class Builder:
    """Writes two files, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "weights").write_text("1 2 3")
        (folder / "part").mkdir()
        (folder / "part" / "config").write_text("{}")


def test_the_second_call_finds_what_the_first_has_built(tmp_path: Path) -> None:
    build = Builder()
    first, again = (keep("one", {"size": 1}, ["penchant.errors"], build, folder=tmp_path) for _ in range(2))
    assert first == again and build.calls == 1
    assert (first / "weights").read_text() == "1 2 3"
    assert [path.name for path in tmp_path.iterdir()] == [first.name], "nothing else is left behind"


def test_other_settings_and_other_sources_are_other_entries(tmp_path: Path) -> None:
    build = Builder()
    found = {
        keep("one", {"size": size}, [module], build, folder=tmp_path)
        for size in (1, 2)
        for module in ("penchant.errors", "penchant.receipts.adapters")
    }
    assert len(found) == 4 == build.calls


def test_a_changed_source_file_is_another_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "words_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("WORD = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = source_digest(["words_of_a_test"])
    assert before == source_digest(["words_of_a_test"])
    (package / "words.py").write_text("WORD = 2\n")
    assert before != source_digest(["words_of_a_test"])


@pytest.mark.parametrize("damage", ["missing", "altered", "no contents", "half contents", "empty", "of other settings"])
def test_a_broken_entry_is_built_again_and_said(damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    build = Builder()
    place = keep("one", {}, [], build, folder=tmp_path)
    if damage == "missing":
        (place / "part" / "config").unlink()
    elif damage == "altered":
        (place / "weights").write_text("1 2")
    elif damage == "of other settings":
        other = keep("two", {"size": 2}, [], build, folder=tmp_path / "other")
        shutil.rmtree(place)
        shutil.copytree(other, place)
        shutil.rmtree(tmp_path / "other")
        build.calls = 1
    elif damage == "half contents":
        (place / "contents.json").write_text('{"files": ')
    elif damage == "no contents":
        (place / "contents.json").unlink()
    else:
        for path in [path for path in place.rglob("*") if path.is_file()]:
            path.unlink()
    with caplog.at_level(logging.WARNING, logger="penchant"):
        again = keep("one", {}, [], build, folder=tmp_path)
    assert again == place and build.calls == 2 and (place / "weights").read_text() == "1 2 3"
    assert "trained again" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_what_could_not_be_built_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        keep("one", {}, [], fail, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="PENCHANT_CACHE"):
        keep("one", {}, [], Builder(), folder=tmp_path / "file")


def _build_together(folder: Path, ready: object, found: object) -> None:
    def build(place: Path) -> None:
        (place / "weights").write_text("1 2 3")
        ready.wait(30)  # type: ignore[attr-defined]  # both have begun, and neither is done

    found.put(str(keep("one", {}, [], build, folder=folder)))  # type: ignore[attr-defined]


def test_two_processes_that_build_at_once_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, found = context.Barrier(2), context.Queue()
    both = [context.Process(target=_build_together, args=(tmp_path, ready, found)) for _ in range(2)]
    for process in both:
        process.start()
    places = {found.get(timeout=60) for _ in both}
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0] and len(places) == 1
    (entry,) = tmp_path.iterdir()
    assert str(entry) in places
    assert json.loads((entry / "contents.json").read_text())["files"].keys() == {"weights"}


def test_base_models_are_kept_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "mine"))
    assert checkpoints_folder() == tmp_path / "mine" / "lab"
    monkeypatch.delenv("PENCHANT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert checkpoints_folder() == tmp_path / "penchant" / "lab"


def test_a_world_trains_once_and_worlds_that_differ_in_feedback_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path))
    world = LanguageWorld(pretraining=TINY)
    place = world.base_model()
    monkeypatch.setattr(LanguageWorld, "train_base", None)  # from here on nothing can be trained
    assert world.base_model() == place == replace(world, length_bias=0.2, flips=0.1).base_model()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in place.iterdir()}
    first, second = world.policy(), world.policy()
    assert first is not second and first.config.hidden_size == 32
    with pytest.raises(TypeError):
        replace(world, courtesy=0.1).base_model()


@pytest.mark.parametrize(
    "world",
    [
        FactsWorld(people=4, pretraining=TINY),
        ProgramsWorld(pretraining=TINY),
        ShapesWorld(pretraining=replace(TINY, width=8)),
    ],
    ids=lambda world: world.id,
)
def test_every_world_builds_a_policy(world: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path))
    assert world.policy() is not None  # type: ignore[attr-defined]
    (kept,) = (tmp_path / "lab").iterdir()
    assert kept.name.startswith(f"{world.id}-")  # type: ignore[attr-defined]
