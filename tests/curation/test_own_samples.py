"""A model's own samples: those of generation, kept when a build stops, and what D²O trains on."""

from __future__ import annotations

from pathlib import Path

import pytest

import penchant
from penchant.curation.own_samples import OwnSamples
from penchant.curation.rows import Built
from penchant.feedback import Feedback, read
from penchant.generation.responses import Sampling
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood import load_model
from penchant.rendering import Renderer, load_tokenizer
from small_runs import losses, model_folder, pairs

SETTINGS = {"count": 3, "max_new_tokens": 6, "batch_size": 6, "seed": 4}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(model_folder(tmp_path_factory.mktemp("model") / "llama"))


def built(model: str, feedback: Feedback, keep: Path | None = None, progress: object = None) -> Built:
    return OwnSamples(model=model, **SETTINGS).build_resumably(feedback, keep, progress or (lambda *_: None))  # type: ignore[arg-type]


def test_samples_are_those_of_generation_and_shared_by_the_records_of_a_prompt(model: str) -> None:
    rows = [
        {"prompt": f"which {thing}", "chosen": " the", "rejected": f" {n}"} for thing in ("car", "hat") for n in "ab"
    ]
    found = built(model, read(rows))
    engine = TransformersEngine(Renderer(load_tokenizer(model)), batch_size=6)
    engine.use(load_model(model))
    for at, prompt in ((0, "which car"), (2, "which hat")):
        first = engine.sample(["which car", "which hat"], Sampling(3, 6), seed=4)[at // 2]
        expected = [response.text for response in first if response.text.strip()]
        assert found.rows[at]["samples"] == found.rows[at + 1]["samples"] == expected, prompt
        assert found.rows[at]["rejected"] == rows[at]["rejected"]
    assert found.counts["prompts sampled"] == 2


def test_a_stopped_build_goes_on_and_gives_the_same(model: str, tmp_path: Path) -> None:
    feedback, keep = read(pairs(7)), tmp_path / "kept.json"
    whole = built(model, feedback)

    def stop(done: int, total: int, what: str) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(model, feedback, keep, stop)
    calls: list[int] = []
    resumed = built(model, feedback, keep, lambda done, *_: calls.append(done))
    # Two prompts at once; four of the five were done.
    assert calls == [5] and resumed.rows == whole.rows
    other = OwnSamples(model=model, **{**SETTINGS, "seed": 5}).build_resumably(feedback, keep, lambda *_: None)
    assert other.rows != whole.rows  # samples of other settings are not taken


def test_desirable_judgements_and_records_with_samples_stay_as_they_are(model: str) -> None:
    rows = [
        {"prompt": "which car", "completion": " good", "label": True},
        {"prompt": "which car", "completion": " bad", "label": False},
        {"prompt": "which hat", "completion": " bad", "label": False, "samples": [" the hat"]},
    ]
    found = built(model, read(rows))
    assert "samples" not in found.rows[0] and found.rows[2]["samples"] == [" the hat"]
    assert found.rows[1]["samples"] and found.counts["records kept as they are"] == 2


def test_d2o_trains_on_a_file_of_thumbs_with_the_models_own_samples(model: str, tmp_path: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in pairs(6)
        for side in ("chosen", "rejected")
    ]
    made = built(model, read(rows)).rows
    recipe = {"batch_size": 6, "max_steps": 4, "learning_rate": 1e-2, "samples": 0, "warmup": 0.0}
    result = penchant.train(model, made, "d2o", tmp_path / "run", **recipe)
    assert result.summary["examples"] == 6 and losses(result.folder)[-1] < losses(result.folder)[0]
