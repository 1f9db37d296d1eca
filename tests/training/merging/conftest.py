"""Folders of tiny models that were tuned apart from one start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from families import tiny_model
from small_runs import word_tokenizer


@pytest.fixture
def tuned(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a model: a fixed start plus noise of its own."""

    def make(name: str, seed: int = 0, noise: float = 0.05, dtype: Any = torch.float32, **saving: Any) -> Path:
        model = tiny_model("llama")
        draws = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for each in model.parameters():
                each.add_(noise * torch.randn(each.shape, generator=draws))
        model.to(dtype).save_pretrained(tmp_path / name, **saving)
        word_tokenizer().save_pretrained(tmp_path / name)
        return tmp_path / name

    return make
