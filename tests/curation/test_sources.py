"""Likelihoods under source models: those of scoring, by each model's own tokens, and kept when a run stops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import penchant
from families import tiny_model
from penchant.curation.rows import Built
from penchant.curation.sources import SourceLikelihoods, source_likelihoods
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback import Comparison, Feedback, read
from small_runs import model_folder, pairs


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("sources")
    return [str(model_folder(root / family, family)) for family in ("llama", "gpt2")]


def resumably(feedback: Feedback, folder: str | Path, keep: Path) -> Built:
    return SourceLikelihoods(source=[str(folder)]).build_resumably(feedback, keep, lambda *_: None)


def test_numbers_are_mean_log_probabilities_in_the_order_of_the_sources(folders: list[str]) -> None:
    rows = pairs(5)
    built = source_likelihoods(read(rows), folders[::-1], initial=folders[0])
    for at, row in enumerate(built.rows):
        for place, side in enumerate(("chosen", "rejected")):
            alone = [penchant.score(name, rows).rows[at]["responses"][place]["mean_logp"] for name in folders]
            assert row[f"{side}_sources"] == pytest.approx(alone[::-1], abs=1e-5)
            assert row[f"{side}_initial"] == pytest.approx(alone[0], abs=1e-5)
        assert row["chosen"] == rows[at]["chosen"]


def test_a_record_that_does_not_fit_a_model_is_left_out_and_counted(folders: list[str]) -> None:
    rows = pairs(6)
    built = source_likelihoods(read(rows), folders, max_length=14, truncation="drop")
    left_out = built.counts["dropped: does not fit every model"]
    assert 0 < left_out < 6 and len(built.rows) == 6 - left_out
    kept = {row["chosen"] for row in built.rows}
    assert [row["chosen"] for row in built.rows] == [row["chosen"] for row in rows if row["chosen"] in kept]


def test_a_stopped_run_goes_on_with_the_next_model(folders: list[str], tmp_path: Path) -> None:
    feedback, keep = read(pairs(4)), tmp_path / "kept.json"

    def stop(done: int, total: int, model: str) -> None:
        assert total == 8 and (done > 4) == (model == folders[1])
        if model == folders[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SourceLikelihoods(source=folders).build_resumably(feedback, keep, stop)
    seen: list[str] = []
    resumed = SourceLikelihoods(source=folders).build_resumably(feedback, keep, lambda *_: seen.append(_[2]))
    assert set(seen) == {folders[1]}
    assert resumed.rows == source_likelihoods(feedback, folders).rows


def test_results_of_other_records_are_not_taken(folders: list[str], tmp_path: Path) -> None:
    keep = tmp_path / "kept.json"
    resumably(read(pairs(4)), folders[0], keep)
    other = read(pairs(6)[2:])
    assert resumably(other, folders[0], keep).rows == source_likelihoods(other, folders[:1]).rows
    keep.write_text(json.dumps({"of": "half"})[:5])
    assert len(resumably(other, folders[0], keep).rows) == 4


def test_a_missing_model_is_reported_before_any_is_scored(folders: list[str], tmp_path: Path) -> None:
    builder = SourceLikelihoods(source=[folders[0], str(tmp_path)])
    with pytest.raises(ModelError):
        builder.build_resumably(read(pairs(2)), tmp_path / "kept", lambda *_: pytest.fail("scored"))
    with pytest.raises(ConfigurationError, match="named twice"):
        source_likelihoods(read(pairs(2)), folders[:1] * 2)


def test_records_without_places_of_their_own_are_told_apart(folders: list[str]) -> None:
    records = [Comparison(**row) for row in pairs(3)]  # all of them stand at memory:1
    built = source_likelihoods(records, folders[:1])
    assert built.rows == source_likelihoods(read(pairs(3)), folders[:1]).rows


def test_results_of_a_model_that_was_trained_again_are_not_taken(tmp_path: Path) -> None:
    folder, feedback, keep = model_folder(tmp_path / "model"), read(pairs(3)), tmp_path / "kept.json"
    before = resumably(feedback, folder, keep).rows
    tiny_model("llama", seed=5).save_pretrained(folder)
    assert resumably(feedback, folder, keep).rows != before


def test_a_demonstration_has_the_numbers_of_its_completion(folders: list[str]) -> None:
    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs(4)]
    built = source_likelihoods(read(rows), folders)
    for at, row in enumerate(built.rows):
        alone = [penchant.score(name, rows).rows[at]["responses"][0]["mean_logp"] for name in folders]
        assert row["chosen_sources"] == pytest.approx(alone, abs=1e-5) and "rejected_sources" not in row
        assert row["completion"] == rows[at]["completion"]
    with pytest.raises(DataError, match="reads demonstrations of texts here"):
        source_likelihoods([*read(rows).records, *read(pairs(1)).records], folders)
