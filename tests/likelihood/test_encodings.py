"""Latents and text embeddings are those of the pipeline, and are computed once for all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.feedback import read
from penchant.feedback.images import Image
from penchant.likelihood.encodings import CachedCodec
from penchant.likelihood.pipelines import PipelineCodec
from small_images import image_pairs, latent_pipeline


def images(count: int = 3) -> list[Image]:
    return [record.chosen for record in read(image_pairs(count)).records]  # type: ignore[attr-defined]


def forbidden(*_given: Any) -> Any:
    raise AssertionError("computed again")


def test_encodings_are_those_of_autoencoder_and_text_encoder() -> None:
    pipeline = latent_pipeline()
    codec = PipelineCodec(pipeline)
    found = codec.latents(images()[0])
    pixels = codec._pixels(images()[0].open())
    assert pixels.shape == (3, 16, 16) and found.shape == (2, 8, 8)
    with torch.no_grad():
        expected = pipeline.vae.encode(pixels[None]).latent_dist.mean[0] * pipeline.vae.config.scaling_factor
        embedded, _ = pipeline.encode_prompt("red 1", "cpu", 1, False)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(codec.conditioning("red 1")["encoder_hidden_states"], embedded[0])


def test_another_run_reads_what_the_first_has_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = CachedCodec(PipelineCodec(latent_pipeline()), tmp_path)
    latents = [first.latents(image) for image in images()]
    told = first.conditioning("red 1")
    second = CachedCodec(PipelineCodec(latent_pipeline()), tmp_path)
    monkeypatch.setattr(PipelineCodec, "latents", forbidden)
    monkeypatch.setattr(PipelineCodec, "conditioning", forbidden)
    for image, value in zip(images(), latents, strict=True):
        assert torch.equal(second.latents(image), value)
    assert torch.equal(second.conditioning("red 1")["encoder_hidden_states"], told["encoder_hidden_states"])
    with pytest.raises(AssertionError, match="computed again"):
        second.conditioning("red 2")


def test_a_denoiser_has_no_part_in_it_and_an_autoencoder_has(tmp_path: Path) -> None:
    plain = CachedCodec(PipelineCodec(latent_pipeline()), tmp_path).store.path
    trained = latent_pipeline()
    torch.nn.init.constant_(trained.unet.conv_out.bias, 1.0)
    assert CachedCodec(PipelineCodec(trained), tmp_path).store.path == plain
    other = latent_pipeline()
    torch.nn.init.constant_(other.vae.quant_conv.bias, 1.0)
    assert CachedCodec(PipelineCodec(other), tmp_path).store.path != plain
    assert CachedCodec(PipelineCodec(latent_pipeline(seed=1)), tmp_path).store.path != plain
