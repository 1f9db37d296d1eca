"""Rewards that a recipe can name by module and function, and a small reward model."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

#: Where the functions below are; a recipe in memory or a command names one as f"{JUDGES}:reds".
JUDGES = str(Path(__file__).resolve())


def reds(prompt: object, response: str) -> float:
    """How often the response says "red", less a little for length: rarely the same twice."""
    words = response.split()
    return words.count("red") - 0.01 * len(words) - 0.001 * sum(map(len, words))


def strict(prompt: object, response: str) -> float | None:
    """No score for a response without words."""
    return float(len(response)) if response.split() else None


def nothing(prompt: object, response: str) -> float:
    """The same score for every response."""
    return 0.0


def varied(prompt: object, response: str) -> float:
    """The share of different words."""
    words = response.split()
    return len(set(words)) / max(len(words), 1)


def golden(prompt: object, response: str) -> float:
    """1 for the rare response that says "gold", else 0: most groups have one reward."""
    return float("gold" in response.split())


def digest(prompt: object, response: str) -> float:
    """A number in [0, 1) that two different texts hardly share."""
    return zlib.crc32(response.encode()) / 2**32


def classifier(labels: int = 1, positions: int = 64) -> Any:
    """A random sequence-classification model with the vocabulary of `small_runs.word_tokenizer`."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_labels=labels, max_position_embeddings=positions, pad_token_id=2,
    )  # fmt: skip
    return LlamaForSequenceClassification(config)
