"""Fields that kinds of adapters need on the tiny model, whose layers are smaller than PEFT's defaults suppose."""

from __future__ import annotations

from typing import Any

__all__ = ["FIELDS"]

FIELDS: dict[str, dict[str, Any]] = {
    "adaption_prompt": {"adapter_layers": 2},
    "c3a": {"block_size": 4},
    "cpt": {"cpt_token_ids": [5, 6, 7]},
    "fourierft": {"n_frequency": 20},
    "miss": {"r": 4},
    "psoft": {"r": 4},
    "road": {"group_size": 4},
    "shira": {"r": 2},
    "vblora": {"vector_length": 4, "num_vectors": 8},
    "waveft": {"n_frequency": 20},
}
