"""Images through the ordinary trainer: every objective, accumulation, resuming, files, and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from diffusers import DDIMScheduler, DiffusionPipeline

import penchant
from penchant.cli.app import main
from penchant.errors import ConfigurationError, ModelError
from penchant.generation.images import sample_images
from penchant.likelihood import DenoisingScorer, schedule_of
from penchant.likelihood.denoiser import Denoiser
from penchant.likelihood.pipelines import PipelineCodec, denoiser_of
from small_images import (
    flow_pipeline,
    image_pairs,
    latent_pipeline,
    masked_pipeline,
    pipeline,
    two_encoder_pipeline,
    write_image_pairs,
)
from small_runs import losses, metrics, model_folder


def train(output: Path, **changed: Any) -> Any:
    recipe: dict[str, Any] = {"batch_size": 4, "max_steps": 3, "learning_rate": 1e-3, "warmup": 0.0, "samples": 0}
    recipe |= {"optimizer": "sgd", "objective": {"name": "dpo", "beta": 500.0}, "max_grad_norm": 0.0}
    return penchant.train(**{"model": pipeline(), "data": image_pairs(), **recipe, **changed, "output": output})


def network(run: Any) -> dict[str, torch.Tensor]:
    return DiffusionPipeline.from_pretrained(run.folder / "model").unet.state_dict()


def gap(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    return max((first[name] - second[name]).abs().max().item() for name in first)


@pytest.mark.parametrize("name", ["ipo", "rdpo", "slic-hinge", "mapo", "nll", "dpo+0.2*nll"])
def test_objectives_train_images_as_they_are(name: str, tmp_path: Path) -> None:
    run = train(tmp_path / "run", objective=name)
    assert len(losses(run.folder)) == 3 and gap(network(run), pipeline().unet.state_dict()) > 0
    assert run.summary["likelihood"].startswith("-0.5 x mean squared error of epsilon")


@pytest.mark.parametrize("name", ["diffusion-kto", "kto"])
def test_judgements_of_images_train_with_either_kto(name: str, tmp_path: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "image": row[f"{side}_image"], "label": side == "chosen"}
        for row in image_pairs()
        for side in ("chosen", "rejected")
    ]
    run = train(tmp_path / "run", data=rows, objective=name)
    assert losses(run.folder)[0] == pytest.approx(0.5, abs=1e-3)


def test_dpo_begins_at_the_coin_and_learns(tmp_path: Path) -> None:
    run = train(tmp_path / "run", max_steps=20, learning_rate=3e-3, optimizer="adamw_torch")
    assert losses(run.folder)[0] == pytest.approx(0.6931, abs=1e-3)
    assert run.summary["after"]["rewards/accuracy"] > 0.7 > run.summary["before"]["rewards/accuracy"]
    row = metrics(run.folder)[1]
    assert row["images_per_second"] > 0 and "tokens_saved" not in row


def test_accumulation_changes_neither_loss_nor_weights(tmp_path: Path) -> None:
    whole, parts = (train(tmp_path / f"{n}", accumulate=n, learning_rate=1e-5) for n in (1, 3))
    assert losses(parts.folder) == pytest.approx(losses(whole.folder), abs=1e-4)
    assert gap(network(whole), network(parts)) < 1e-6


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    options: dict[str, Any] = {"save_every": 1, "optimizer": "adamw_torch"}
    whole = train(tmp_path / "whole", max_steps=4, **options)
    part = train(tmp_path / "part", max_steps=4, **options)
    import shutil

    for checkpoint in (part.folder / "checkpoints").glob("checkpoint-[4-9]"):
        shutil.rmtree(checkpoint)
    again = train(tmp_path / "part", max_steps=4, resume=True, **options)
    assert losses(again.folder) == pytest.approx(losses(whole.folder), abs=1e-7)
    assert gap(network(whole), network(again)) == 0.0


def test_an_adapter_is_trained_and_merged(tmp_path: Path) -> None:
    run = train(tmp_path / "run", lora={"rank": 2, "targets": ["conv1"]}, learning_rate=0.1)
    assert (run.folder / "adapter").is_dir() and gap(network(run), pipeline().unet.state_dict()) > 0
    assert run.summary["trained_parameters"] < run.summary["parameters"]


def test_the_command_line_trains_a_folder_and_shows_pictures(tmp_path: Path) -> None:
    pipeline().save_pretrained(tmp_path / "model")
    data = write_image_pairs(tmp_path / "data")
    arguments = ["train", "--model", str(tmp_path / "model"), "--data", str(data), "--out", str(tmp_path / "run")]
    keys = ["max_steps=2", "samples=2", "sample_steps=2", "batch_size=4", "denoising.eval_draws=2"]
    assert main([*arguments, *keys, "--set", "beta=1000"]) == 0
    rows = json.loads((tmp_path / "run" / "samples.json").read_text())
    assert [row["prompt"] for row in rows] == ["0", "1"]
    assert all((tmp_path / "run" / row[f"{side}_image"]).is_file() for row in rows for side in ("before", "after"))
    assert main([*arguments, "--dry-run", *keys]) == 0


def test_the_factor_between_error_and_likelihood_is_set_once(tmp_path: Path) -> None:
    run = train(tmp_path / "run", objective="mapo", denoising={"half_factor": 1.0})
    assert "half_factor=1.0" in run.summary["objective"] and run.summary["likelihood"].startswith("-1 x mean")
    kept = yaml.safe_load((run.folder / "recipe.yaml").read_text())
    assert kept["objective"]["half_factor"] == kept["denoising"]["half_factor"] == 1.0
    usual = train(tmp_path / "usual", objective="mapo")
    # MaPO is a function of errors: what h does to the likelihood, the objective undoes.
    assert losses(run.folder) == pytest.approx(losses(usual.folder), abs=1e-6)
    for objective in ({"name": "mapo", "half_factor": 0.5}, penchant.objectives.MaPO()):
        with pytest.raises(ConfigurationError, match=r"half_factor is 0.5 and denoising.half_factor is 1; set"):
            train(tmp_path / "other", objective=objective, denoising={"half_factor": 1.0})
    with pytest.raises(ConfigurationError, match=r"objective.nll.half_factor is 2.0 and denoising.half_factor is 0.5"):
        train(tmp_path / "other", objective={"name": "dpo+nll", "nll": {"half_factor": 2.0}})


TEXT_PIPELINES = {
    "one encoder": latent_pipeline,
    "two encoders": two_encoder_pipeline,
    "flow": flow_pipeline,
    "masked": masked_pipeline,
}


@pytest.mark.parametrize("kind", TEXT_PIPELINES)
def test_a_text_conditioned_denoiser_of_latents_trains_like_any_other(kind: str, tmp_path: Path) -> None:
    make = TEXT_PIPELINES[kind]
    rows = [{**row, "prompt": f"red {row['prompt']}"} for row in image_pairs()]
    options: dict[str, Any] = {"data": rows, "cache": str(tmp_path / "cache"), "save_every": 1, "samples": 1}
    run = train(tmp_path / "run", model=make(), sample_steps=2, **options)
    found = losses(run.folder)
    assert found[0] == pytest.approx(0.6931, abs=1e-3) and len(found) == 3
    loaded, before = DiffusionPipeline.from_pretrained(run.folder / "model"), make()
    assert type(loaded) is type(before)
    assert gap(denoiser_of(loaded)[1].state_dict(), denoiser_of(before)[1].state_dict()) > 0
    assert gap(loaded.vae.state_dict(), before.vae.state_dict()) == 0.0
    assert len(list((run.folder / "samples").glob("*.png"))) == 2
    again = train(tmp_path / "again", model=make(), sample_steps=2, **options)
    assert losses(again.folder) == found, "what was kept is what was computed"


@pytest.mark.parametrize("kind", ["one encoder", "two encoders", "flow"])
def test_an_adapter_is_one_that_diffusers_loads(kind: str, tmp_path: Path) -> None:
    make = TEXT_PIPELINES[kind]
    rows = [{**row, "prompt": f"red {row['prompt']}"} for row in image_pairs()]
    changed: dict[str, Any] = {"lora": {"rank": 2, "alpha": 16}, "learning_rate": 0.5, "cache": str(tmp_path / "cache")}
    run = train(tmp_path / "run", model=make(), data=rows, gradient_checkpointing=True, **changed)
    loaded, merged = make(), DiffusionPipeline.from_pretrained(run.folder / "model")
    loaded.load_lora_weights(run.folder / "adapter")
    noisy = torch.randn((1, 2, 8, 8), generator=torch.Generator().manual_seed(0))
    conditioning = {name: each[None] for name, each in PipelineCodec(merged).conditioning("red 1").items()}
    with torch.no_grad():
        found, expected, before = (
            Denoiser(denoiser_of(each)[1].eval())(noisy, torch.tensor([7]), conditioning)
            for each in (loaded, merged, make())
        )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before, expected, atol=1e-3)


def test_gradient_checkpointing_changes_neither_losses_nor_weights(tmp_path: Path) -> None:
    plain, less = (train(tmp_path / f"{on}", gradient_checkpointing=on) for on in (False, True))
    assert losses(less.folder) == pytest.approx(losses(plain.folder), abs=1e-5)
    assert gap(network(plain), network(less)) < 1e-5


def test_prompts_cut_by_the_encoder_are_said_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    latent_pipeline().save_pretrained(tmp_path / "model")
    data = write_image_pairs(tmp_path / "data")
    ends = ["at night", "at noon", "in snow", "in rain"]
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    rows = [{**row, "prompt": f"a red bus {ends[place % 4]}"} for place, row in enumerate(rows)]
    data.write_text("\n".join(map(json.dumps, rows)))
    arguments = ["train", "--model", str(tmp_path / "model"), "--data", str(data), "--out", str(tmp_path / "run")]
    arguments += ["max_steps=1", "samples=0", f"cache={tmp_path / 'cache'}", "--set", "beta=500"]
    for more in (["--dry-run"], []):
        assert main([*arguments, *more]) == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "4 of 4 prompts are longer than the 8 tokens of text_encoder" in said
        assert "4 different prompts are identical after the cut and become 1" in said
    cut = json.loads((tmp_path / "run" / "summary.json").read_text())["cut"]
    assert (cut["kept"], cut["prompt_cut"], cut["identical_after_cut"]) == (8, 8, 8)


def test_the_rules_for_pixels_are_keys_of_the_recipe(tmp_path: Path) -> None:
    rows = [{**row, "chosen_image": np.pad(row["chosen_image"], ((0, 0), (0, 4)))} for row in image_pairs()]
    runs = [train(tmp_path / rule, data=rows, images={"resize": rule}) for rule in ("crop", "stretch", "pad")]
    assert len({run.summary["before"]["logps/chosen"] for run in runs}) == 3
    with pytest.raises(ConfigurationError, match=r"images.background is 'snowy', which is not a colour"):
        train(tmp_path / "other", images={"background": "snowy"})


def test_rules_for_pixels_are_part_of_what_latents_are_kept_under(tmp_path: Path) -> None:
    rows = [{**row, "prompt": "red"} for row in image_pairs()]
    changed: dict[str, Any] = {"data": rows, "cache": str(tmp_path / "cache"), "max_steps": 1}
    for rule in ("crop", "pad", "pad"):
        train(tmp_path / rule, model=latent_pipeline(), images={"resize": rule}, overwrite=True, **changed)
    assert len(list((tmp_path / "cache").glob("encodings-*.sqlite"))) == 2


@pytest.mark.parametrize("key", ["base", "adapter", "reference", "quantize", "cached"])
def test_keys_of_language_models_are_refused(key: str, tmp_path: Path) -> None:
    changed: dict[str, Any] = {
        "base": {"base": "elsewhere"},
        "adapter": {"adapter": "continue"},
        "reference": {"reference": {"model": "elsewhere"}},
        "quantize": {"lora": {"quantize": "4bit"}},
        "cached": {"reference": "cached"},
    }
    where = {"quantize": "lora.quantize", "base": "adapter", "cached": "reference"}.get(key, key)
    with pytest.raises(ConfigurationError, match=rf"^{where}: .*(image|denoiser)"):
        train(tmp_path / "run", **changed[key])


@pytest.mark.parametrize("key", ["max_length", "as_chat", "template_arguments", "train_on"])
def test_keys_that_images_would_ignore_are_refused(key: str, tmp_path: Path) -> None:
    changed: dict[str, Any] = {
        "max_length": 9,
        "as_chat": True,
        "template_arguments": {"a": 1},
        "train_on": "assistant",
    }
    with pytest.raises(ConfigurationError, match=f"{key} is a key of language models, but the model is a denoiser"):
        train(tmp_path / "run", **{key: changed[key]})


def test_images_and_language_models_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline().save_pretrained(tmp_path / "images")
    text, words = str(model_folder(tmp_path / "text")), tmp_path / "words.jsonl"
    words.write_text(json.dumps({"prompt": "a", "chosen": "b", "rejected": "c"}) + "\n")
    pairs = write_image_pairs(tmp_path / "data")
    images, run = str(tmp_path / "images"), ["--out", str(tmp_path / "run"), "--dry-run"]
    cases = [
        (["train", "--model", text, "--data", str(pairs), *run], "pairs.jsonl:1: The record has an image as"),
        (["data", "check", str(pairs), "--model", text], "1 error"),
        (["train", "--model", text, "--data", str(words), *run, "images.resize=pad"], "images is a key of image"),
        (["train", "--model", images, "--data", str(words), *run], "text as a response, but the model"),
        (["data", "check", str(pairs), "--model", images], "This is a diffusers pipeline, which"),
    ]
    for arguments, said in cases:
        assert main(arguments) != 0
        assert said in " ".join("".join(capsys.readouterr()).split())


@pytest.mark.parametrize("kind", TEXT_PIPELINES)
def test_pictures_are_those_of_the_pipeline_itself(kind: str) -> None:
    """The same noise becomes the same picture by the pipeline's own call, without guidance, and by ours."""
    ours, theirs = TEXT_PIPELINES[kind](), TEXT_PIPELINES[kind]()
    for each in (ours, theirs):
        each.set_progress_bar_config(disable=True)
    if kind != "flow":
        theirs.scheduler = DDIMScheduler.from_config(theirs.scheduler.config)
    scorer = DenoisingScorer(denoiser_of(ours)[1], schedule_of(ours.scheduler))
    noise = torch.randn((1, 2, 8, 8), generator=torch.Generator().manual_seed(5))
    for prompt in ("red 1", "blue 2"):
        (found,) = sample_images(scorer.model, ours.scheduler, PipelineCodec(ours), [prompt], steps=3, seed=5)
        call: dict[str, Any] = {"latents": noise, "guidance_scale": 1.0, "num_inference_steps": 3}
        call |= {"use_resolution_binning": False} if kind == "masked" else {}
        (expected,) = theirs(prompt, height=16, width=16, **call).images
        assert np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() <= 1


def test_a_pipeline_conditioned_in_an_unknown_way_is_refused() -> None:
    other = two_encoder_pipeline()
    other.unet.register_to_config(addition_embed_type="image")
    with pytest.raises(ModelError, match=r"conditioning of StableDiffusionXLPipeline is not supported.*SDXL"):
        PipelineCodec(other)


@pytest.mark.parametrize("precision", [None, "bfloat16"])
def test_a_denoiser_in_bfloat16_is_trained_in_float32_and_comes_back(tmp_path: Path, precision: str | None) -> None:
    model = pipeline()
    model.unet.to(torch.bfloat16)
    changed = {} if precision is None else {"precision": precision}
    run = train(tmp_path / "run", model=model, max_steps=1, samples=0, **changed)
    assert abs(run.summary["before"]["rewards/margin"]) < 1e-4  # convolutions may round differently
    assert {weight.dtype for weight in model.unet.parameters()} == {torch.bfloat16}
