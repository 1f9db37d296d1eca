"""Prompts reach a denoiser as its own pipeline gives them: with masks and sizes; what cannot be made is named."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
import torch

from penchant.errors import ModelError
from penchant.likelihood.denoiser import Denoiser
from penchant.likelihood.pipelines import PipelineCodec
from penchant.likelihood.prompts import kept_of
from small_images import autoencoder, ddpm, flow, flow_pipeline, latent_pipeline, masked_pipeline, t5_parts, text_parts


def predicted(pipeline: Any, conditioning: dict[str, torch.Tensor]) -> torch.Tensor:
    given = {name: value[None] for name, value in conditioning.items()}
    noisy = torch.randn((1, 2, 8, 8), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return Denoiser(pipeline.transformer.eval())(noisy, torch.tensor([7]), given)


def test_padding_of_a_masked_text_has_no_effect() -> None:
    pipeline = masked_pipeline()
    found = PipelineCodec(pipeline).conditioning("red 1")
    assert found["encoder_attention_mask"].sum() == 6  # five letters and the end
    whole = predicted(pipeline, found)
    padding = found["encoder_attention_mask"] == 0
    other = found["encoder_hidden_states"].clone()
    other[padding] += 5.0
    assert torch.allclose(predicted(pipeline, found | {"encoder_hidden_states": other}), whole, atol=1e-5)
    unmasked = {name: value for name, value in found.items() if name != "encoder_attention_mask"}
    assert not torch.allclose(predicted(pipeline, unmasked), whole, atol=1e-3)


def test_a_denoiser_that_takes_the_size_gets_it() -> None:
    pipeline = masked_pipeline(use_additional_conditions=True)
    found = PipelineCodec(pipeline).conditioning("red 1")
    size = {"resolution": torch.tensor([[16.0, 16.0]]), "aspect_ratio": torch.tensor([[1.0]])}
    noisy = torch.randn((1, 2, 8, 8), generator=torch.Generator().manual_seed(0))
    text = {name: found[name][None] for name in ("encoder_hidden_states", "encoder_attention_mask")}
    with torch.no_grad():
        expected = pipeline.transformer(noisy, timestep=torch.tensor([7]), added_cond_kwargs=size, **text)[0][:, :2]
    torch.testing.assert_close(predicted(pipeline, found), expected)


def test_a_text_encoder_that_asks_for_a_mask_gets_it() -> None:
    pipeline = latent_pipeline()
    pipeline.text_encoder.config.use_attention_mask = True
    found = PipelineCodec(pipeline).conditioning("red")["encoder_hidden_states"]
    given = pipeline.tokenizer("red", padding="max_length", max_length=8, return_tensors="pt")
    with torch.no_grad():
        expected = pipeline.text_encoder(given.input_ids, attention_mask=given.attention_mask)[0][0]
    torch.testing.assert_close(found, expected)


def test_what_an_encoder_sees_of_a_prompt_is_counted_for_each_encoder() -> None:
    short, long = kept_of(latent_pipeline(), "red"), kept_of(latent_pipeline(), "abcdefghij")
    assert short.cut == {} and long.cut == {"text_encoder": (12, 8)}
    assert long.ids == kept_of(latent_pipeline(), "abcdefxyz").ids != short.ids
    several = kept_of(flow_pipeline(), "abcdefghij")
    assert several.cut == {"text_encoder": (12, 8), "text_encoder_2": (12, 8)}, "T5 sees 256 tokens"
    assert several.ids != kept_of(flow_pipeline(), "abcdefxyz").ids
    pixart = kept_of(masked_pipeline(), "a" * 130)
    assert pixart.cut == {"text_encoder": (131, 120)}
    assert kept_of(masked_pipeline(), "RED").ids == kept_of(masked_pipeline(), "red").ids, "PixArt lowers its prompts"


def test_a_cut_is_said_once_for_all_and_not_for_each_prompt(caplog: pytest.LogCaptureFixture) -> None:
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(caplog.handler)
    latent_pipeline().encode_prompt("abcdefghij", "cpu", 1, False)
    assert "abcdefghij"[6:] in caplog.text, "diffusers has a line for each"
    caplog.clear()
    PipelineCodec(latent_pipeline()).conditioning("abcdefghij")
    assert caplog.text == "" and [each.level for each in loggers] == levels
    for each in loggers:
        each.removeHandler(caplog.handler)


def flux() -> Any:
    from diffusers import FluxPipeline, FluxTransformer2DModel

    network = FluxTransformer2DModel(
        in_channels=8,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=8,
        axes_dims_rope=(4, 2, 2),
    )
    (first, words), (second, more_words) = text_parts(), t5_parts()
    return FluxPipeline(flow(), autoencoder(), first, words, second, more_words, network)


def other_latents() -> Any:
    """A UNet that also takes a mask and an image, as for inpainting."""
    pipeline = latent_pipeline()
    pipeline.unet.register_to_config(in_channels=5)
    return pipeline


def aesthetic() -> Any:
    pipeline = latent_pipeline()
    pipeline.unet.register_to_config(requires_aesthetics_score=True)
    return pipeline


def no_text() -> Any:
    from penchant.likelihood.pipelines import build_pipeline

    return build_pipeline(latent_pipeline().unet, ddpm())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (flux, "FluxTransformer2DModel with a text encoder also takes img_ids, txt_ids, guidance"),
        (other_latents, "UNet2DConditionModel takes 5 channels, of which the autoencoder makes 2"),
        (aesthetic, "the embedding of an aesthetic score is not made"),
        (no_text, "UNet2DConditionModel needs a text, and the pipeline has no text encoder"),
    ],
)
def test_an_input_that_cannot_be_made_is_named(make: Any, said: str) -> None:
    with pytest.raises(ModelError, match=re.escape(said)):
        PipelineCodec(make())
