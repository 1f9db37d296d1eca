"""`generating`: a model as it is while it generates, and as it was before afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from transformers import GenerationConfig

from penchant.likelihood.core import core_model

__all__ = ["generating"]


@contextlib.contextmanager
def generating(model: nn.Module, seed: int) -> Iterator[None]:
    """Evaluation mode, no gradients, seeded random numbers, and no settings but those that are given.

    The former state is restored at the end.

    Args:
        model: a causal language model of transformers.
        seed: of the random numbers inside.
    """
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    forked = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
    with _plain_settings(core_model(model)), forked, torch.no_grad():
        torch.manual_seed(seed)
        yield
    model.train(was_training)


@contextlib.contextmanager
def _plain_settings(core: Any) -> Iterator[None]:
    """Without the model's own generation settings, of which ``generate`` takes all that are not given to it."""
    own = getattr(core, "generation_config", None)
    if own is None:
        yield
        return
    core.generation_config = GenerationConfig(bos_token_id=own.bos_token_id)
    try:
        yield
    finally:
        core.generation_config = own
