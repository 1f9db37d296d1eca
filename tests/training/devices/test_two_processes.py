"""Two processes are one: DDP and FSDP2, of whole models and adapters, with texts and with images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import penchant
from launching import train_in_processes
from penchant.likelihood.pipelines import build_pipeline
from small_images import ddpm, pipeline, transformer, write_image_pairs
from small_judges import JUDGES
from small_runs import largest_gap, losses, metrics, weights, write_pairs

pytestmark = pytest.mark.long

EXACT = 1e-5
RECIPE: dict[str, Any] = {"batch_size": 3, "max_steps": 4, "accumulate": 2, "learning_rate": 1e-2, "warmup": 0.0}
RECIPE |= {"max_grad_norm": 0.5, "samples": 1, "sample_tokens": 4, "eval_every": 2, "save_every": 1}
RECIPE |= {"keep_checkpoints": 9}
IMAGES: dict[str, Any] = {**RECIPE, "objective": {"name": "dpo", "beta": 500.0}, "samples": 0, "optimizer": "sgd"}
JUDGED: dict[str, Any] = {"judge": {"name": "function", "path": f"{JUDGES}:digest"}, "prompts": 4}
JUDGED |= {"max_new_tokens": 6, "temperature": 1.0, "win_rate_against": "reference"}

#: Runs of language models: what they change in the recipe. "heads" trains a head of the objective's own.
TEXTS: dict[str, dict[str, Any]] = {
    "ddp": {"strategy": "ddp"},
    "fsdp": {"strategy": "fsdp"},
    "checkpointing": {"strategy": "fsdp", "gradient_checkpointing": True},
    "lora": {"strategy": "fsdp", "lora": {"rank": 4}},
    # Its reference is the adapter at the start, whose weights take the place of the trained ones.
    "virtual tokens": {"strategy": "fsdp", "lora": {"kind": "p_tuning", "num_virtual_tokens": 3}},
    "cached": {"strategy": "fsdp", "reference": "cached"},
    # Adam magnifies the rounding of small gradients of single weights beyond the bound.
    "statistics": {"strategy": "fsdp", "objective": "wpo", "optimizer": "sgd"},
    "heads": {"strategy": "fsdp", "objective": "sparse-token-mask"},
    "coupled": {"strategy": "ddp", "objective": "aot-paired"},
    "coupled heads": {"strategy": "fsdp", "objective": "aot-paired+sparse-token-mask"},
    # The judge's score is that of other samples, if one text differs.
    "judged": {"strategy": "ddp", "eval": JUDGED},
    "judged in parts": {"strategy": "fsdp", "eval": JUDGED},
}
PICTURES: dict[str, dict[str, Any]] = {
    "images": {"strategy": "ddp"},
    "images of a transformer": {"strategy": "fsdp"},
    "images with lora": {"strategy": "fsdp", "lora": {"rank": 2}},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def recipes(folder: Path, place: Path) -> dict[str, dict[str, Any]]:
    """Every run of this file."""
    data = write_pairs(place / "pairs.jsonl")
    given = {"model": str(folder), "data": str(data)}
    found = {name: {**RECIPE, **given, **changed, "cache": str(place / name)} for name, changed in TEXTS.items()}
    pipeline().save_pretrained(place / "unet")
    build_pipeline(transformer(), ddpm()).save_pretrained(place / "transformer")
    pictures = str(write_image_pairs(place / "pictures"))
    for name, changed in PICTURES.items():
        model = str(place / ("unet" if name == "images" else "transformer"))
        found[name] = {**IMAGES, "model": model, "data": pictures, **changed}
    return found


@pytest.fixture(scope="module")
def together(recipes: dict[str, dict[str, Any]], place: Path, alone: dict[str, Path]) -> Path:
    """The folder of all runs, made by two processes; "goes on" continues a run that one process began."""
    begun = place / "together" / "goes on"
    shutil.copytree(alone["fsdp"], begun)
    undo(begun)
    jobs = [{**recipe, "output": str(place / "together" / name)} for name, recipe in recipes.items()]
    train_in_processes(2, [*jobs, {**recipes["fsdp"], "output": str(begun), "resume": "auto"}], place)
    return place / "together"


@pytest.fixture(scope="module")
def alone(recipes: dict[str, dict[str, Any]], place: Path) -> dict[str, Path]:
    """The same runs in this process."""
    return {
        name: penchant.train(
            **{**recipe, "output": place / "alone" / name, "cache": str(place / "alone" / "cache"), "strategy": None}
        ).folder
        for name, recipe in recipes.items()
    }


def undo(run: Path) -> None:
    """Take away what a run did after its second step."""
    for step in (3, 4):
        shutil.rmtree(run / "checkpoints" / f"checkpoint-{step}")
    shutil.rmtree(run / "model")


def denoiser(run: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    [file] = (run / "model").glob("*/diffusion_pytorch_model.safetensors")
    return load_file(file)


def summary(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_two_processes_are_one(name: str, together: Path, alone: dict[str, Path]) -> None:
    run, other = together / name, alone[name]
    assert (summary(run)["processes"], summary(run)["strategy"]) == (2, TEXTS[name]["strategy"])
    assert (summary(other)["processes"], summary(other)["strategy"]) == (1, "single")
    assert losses(run) == pytest.approx(losses(other), abs=EXACT)
    assert largest_gap(weights(run), weights(other)) < EXACT
    for split in ("train", "eval"):
        here, there = metrics(run, split), metrics(other, split)
        assert here.keys() == there.keys()
        for step, row in there.items():
            # What is computed together differs, so what sharing prompts saves does too.
            for key in row.keys() - {"split", "seconds", "tokens_per_second", "tokens_saved"}:
                assert here[step][key] == pytest.approx(row[key], rel=1e-4, abs=1e-4), (split, step, key)
    for file in ("samples.json", "rewards.json"):
        assert (run / file).is_file()
    assert json.loads((run / "samples.json").read_text()) == json.loads((other / "samples.json").read_text())
    assert summary(run)["parameters"] == summary(other)["parameters"]
    assert summary(run)["fingerprints"] == summary(other)["fingerprints"]


@pytest.mark.parametrize("name", PICTURES)
def test_two_processes_are_one_for_images(name: str, together: Path, alone: dict[str, Path]) -> None:
    run, other = together / name, alone[name]
    assert summary(run)["processes"] == 2
    assert losses(run) == pytest.approx(losses(other), abs=1e-4)
    assert largest_gap(denoiser(run), denoiser(other)) < EXACT


def test_what_is_saved_is_what_one_process_saves(together: Path, alone: dict[str, Path], place: Path) -> None:
    def files(run: Path) -> set[str]:
        found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
        return {each for each in found if "rng_state" not in each}

    for name in ("fsdp", "lora"):
        assert files(together / name) == files(alone[name])
        one, other = (
            json.loads((run / name / "model" / "config.json").read_text()) for run in (together, place / "alone")
        )
        # The trainer switches the cache off for gradient checkpointing in the model that it has.
        assert {**one, "use_cache": None} == {**other, "use_cache": None}


def test_a_run_of_one_process_goes_on_divided(together: Path, alone: dict[str, Path]) -> None:
    assert losses(together / "goes on") == pytest.approx(losses(alone["fsdp"]), abs=EXACT)
    assert largest_gap(weights(together / "goes on"), weights(alone["fsdp"])) < EXACT


@pytest.mark.parametrize("name", ["fsdp", "lora", "virtual tokens"])
def test_a_divided_run_goes_on_in_one_process(
    name: str, together: Path, alone: dict[str, Path], recipes: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(together / name, run)
    undo(run)
    penchant.train(**{**recipes[name], "strategy": None, "output": run, "resume": True})
    assert losses(run) == pytest.approx(losses(alone[name]), abs=EXACT)
    assert largest_gap(weights(run), weights(alone[name])) < EXACT


@pytest.mark.parametrize("name", ["judged", "judged in parts"])
def test_sampled_win_rates_are_those_of_one_process(name: str, together: Path, alone: dict[str, Path]) -> None:
    for when in ("before", "after"):
        here, there = summary(together / name)[when], summary(alone[name])[when]
        figures = {key: value for key, value in there.items() if key.startswith("judge/")}
        assert {"judge/win_rate", "judge/win_rate/low", "judge/score", "judge/length"} <= figures.keys()
        assert {key: here[key] for key in figures} == pytest.approx(figures, abs=1e-9)
    assert summary(together / name)["before"]["judge/win_rate"] == 0.5
    assert summary(together / name)["after"]["judge/win_rate"] != 0.5
