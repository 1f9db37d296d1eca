"""A denoiser and feedback on images small enough to train on in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler, DiTTransformer2DModel, FlowMatchEulerDiscreteScheduler, UNet2DModel

from penchant.likelihood.pipelines import build_pipeline


def unet(seed: int = 0) -> UNet2DModel:
    """A class-conditional UNet of 8 x 8 pixels."""
    torch.manual_seed(seed)
    return UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        num_class_embeds=3,
        dropout=0.3,
    )


def _without_zeros(network: torch.nn.Module) -> None:
    """Fill a network that starts with zeros, which would hide whatever is wrong."""
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)


def transformer(seed: int = 0) -> DiTTransformer2DModel:
    """A class-conditional transformer of 8 x 8 pixels that says a variance too."""
    torch.manual_seed(seed)
    network = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=4,
        in_channels=1,
        out_channels=2,
        num_layers=1,
        norm_num_groups=4,
        sample_size=8,
        patch_size=2,
        num_embeds_ada_norm=3,
    )
    _without_zeros(network)
    return network


def ddpm(prediction: str = "epsilon") -> DDPMScheduler:
    """A hundred noise levels."""
    return DDPMScheduler(num_train_timesteps=100, prediction_type=prediction)


def flow() -> FlowMatchEulerDiscreteScheduler:
    """The same for flows."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=100)


def pipeline(seed: int = 0) -> Any:
    """The UNet as a pipeline."""
    return build_pipeline(unet(seed), ddpm())


def autoencoder(**more: Any) -> Any:
    """Latents of two channels and 8 x 8 from pictures of 16 x 16."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        latent_channels=2,
        norm_num_groups=4,
        sample_size=16,
        **more,
    )


def text_unet(**more: Any) -> Any:
    """A UNet of latents that attends to a text."""
    from diffusers import UNet2DConditionModel

    shape: dict[str, Any] = {"cross_attention_dim": 8, "attention_head_dim": 4, "norm_num_groups": 4}
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=2,
        out_channels=2,
        layers_per_block=1,
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **(shape | more),
    )


def text_parts(kind: str = "CLIPTextModel") -> tuple[Any, Any]:
    """A text encoder and its tokenizer, of letters."""
    import transformers

    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789"]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = transformers.CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=8
    )
    config = transformers.CLIPTextConfig(
        vocab_size=len(words), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=8, bos_token_id=0, eos_token_id=1, pad_token_id=1, projection_dim=8,
    )  # fmt: skip
    return getattr(transformers, kind)(config), tokenizer


def latent_pipeline(seed: int = 0) -> Any:
    """A pipeline of the kind of Stable Diffusion: latents of an autoencoder, conditioned by a text."""
    from diffusers import StableDiffusionPipeline

    torch.manual_seed(seed)
    encoder, tokenizer = text_parts()
    return StableDiffusionPipeline(
        autoencoder(), encoder, tokenizer, text_unet(), ddpm(), None, None, requires_safety_checker=False
    )


def two_encoder_pipeline(seed: int = 0) -> Any:
    """A pipeline of the kind of SDXL: two text encoders, and the size of the picture."""
    from diffusers import StableDiffusionXLPipeline

    torch.manual_seed(seed)
    network = text_unet(
        cross_attention_dim=16,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=8 + 6 * 4,
    )
    (first, words), (second, more_words) = text_parts(), text_parts("CLIPTextModelWithProjection")
    return StableDiffusionXLPipeline(
        autoencoder(), first, second, words, more_words, network, ddpm(), add_watermarker=False
    )


def flow_pipeline(seed: int = 0) -> Any:
    """A pipeline of the kind of Stable Diffusion 3: a transformer of flows with three text encoders."""
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(seed)
    network = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=2,
        out_channels=2,
        num_layers=1,
        attention_head_dim=4,
        num_attention_heads=2,
        joint_attention_dim=16,
        caption_projection_dim=8,
        pooled_projection_dim=16,
        pos_embed_max_size=8,
    )
    _without_zeros(network)
    kind = "CLIPTextModelWithProjection"
    (first, words), (second, more_words) = text_parts(kind), text_parts(kind)
    config = T5Config(vocab_size=80, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    third = T5EncoderModel(config)
    vae = autoencoder(shift_factor=0.1)
    return StableDiffusion3Pipeline(network, flow(), vae, first, words, second, more_words, third, words)


def t5_parts(length: int = 20) -> tuple[Any, Any]:
    """A T5 encoder and its tokenizer, of letters and the space between words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    words = ["<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz0123456789 "]
    plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    plain.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=length, **marks)
    config = T5Config(vocab_size=len(words), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    return T5EncoderModel(config), tokenizer


def masked_pipeline(seed: int = 0, **more: Any) -> Any:
    """A pipeline of the kind of PixArt: a transformer that attends to a text of T5 with its mask."""
    from diffusers import PixArtAlphaPipeline, PixArtTransformer2DModel

    torch.manual_seed(seed)
    shape: dict[str, Any] = {"sample_size": 8, "patch_size": 2, "in_channels": 2, "out_channels": 4, "num_layers": 1}
    network = PixArtTransformer2DModel(
        **shape,
        num_attention_heads=2,
        attention_head_dim=6,
        cross_attention_dim=12,
        caption_channels=16,
        norm_num_groups=4,
        **more,
    )
    _without_zeros(network)
    encoder, tokenizer = t5_parts()
    return PixArtAlphaPipeline(tokenizer, encoder, autoencoder(), network, ddpm())


def image_pairs(count: int = 8, **extras: Any) -> list[dict[str, Any]]:
    """Comparisons: the brighter of two images is chosen."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        dark, bright = rng.integers(0, 100, (8, 8)), rng.integers(120, 255, (8, 8))
        row = {"prompt": str(number % 3), "chosen_image": bright, "rejected_image": dark}
        rows.append({**row, **{name: values[number] for name, values in extras.items()}})
    return rows


def write_image_pairs(folder: Path, count: int = 8) -> Path:
    """The same as files, with paths that start at the folder."""
    import json

    from PIL import Image

    folder.mkdir(exist_ok=True)
    lines = []
    for number, row in enumerate(image_pairs(count)):
        told = {"prompt": row["prompt"]}
        for side in ("chosen", "rejected"):
            Image.fromarray(row[f"{side}_image"].astype(np.uint8)).save(folder / f"{number}-{side}.png")
            told[f"{side}_image"] = f"{number}-{side}.png"
        lines.append(json.dumps(told) + "\n")
    (folder / "pairs.jsonl").write_text("".join(lines))
    return folder / "pairs.jsonl"
