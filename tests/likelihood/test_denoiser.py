"""Denoisers recompute their activations on request, with the same gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.likelihood.denoiser import Denoiser, check_checkpointing
from penchant.likelihood.dropout import without_dropout
from penchant.likelihood.pipelines import PipelineCodec, denoiser_of
from penchant.modalities.denoiser_adapter import with_adapter
from penchant.training.settings.adapter import LoRA
from small_images import flow_pipeline, latent_pipeline, masked_pipeline, transformer, unet

KINDS = {
    "UNet of pixels": unet,
    "DiT": transformer,
    "UNet of latents": latent_pipeline,
    "Stable Diffusion 3": flow_pipeline,
    "PixArt": masked_pipeline,
}


def gradients(kind: str, recompute: bool, lora: bool) -> tuple[list[Tensor], int]:
    """The gradients of a step, and the number of activations kept for it."""
    made: Any = KINDS[kind]()
    network = made if isinstance(made, nn.Module) else denoiser_of(made)[1]
    given = {"class_labels": torch.tensor(1)} if made is network else PipelineCodec(made).conditioning("red 1")
    channels = int(network.config["in_channels"])  # type: ignore[index]
    torch.manual_seed(1)
    adapter = LoRA(rank=2, targets=["to_q", "to_k"] if made is not network or kind == "DiT" else ["conv1"])
    model = Denoiser(with_adapter(network, adapter) if lora else network).train()
    without_dropout(model)
    if recompute:
        model.activation_checkpointing_enable(every_n_layers=1)
    kept = 0

    def pack(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    noisy = torch.randn((1, channels, 8, 8), generator=torch.Generator().manual_seed(0))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        found = model(noisy, torch.tensor([7]), {name: value[None] for name, value in given.items()})
    found.square().sum().backward()
    return [each.grad for each in model.parameters() if each.grad is not None], kept


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_recomputed_activations_give_the_same_gradients_from_less(kind: str, lora: bool) -> None:
    (plain, all_kept), (found, kept) = (gradients(kind, recompute, lora) for recompute in (False, True))
    assert len(plain) == len(found) > 0 and kept < all_kept
    for one, other in zip(plain, found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


def test_a_network_that_cannot_recompute_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"gradient_checkpointing: Linear has no gradient checkpointing"):
        check_checkpointing(nn.Linear(1, 1))
