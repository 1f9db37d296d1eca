"""Tiny random models of many families of transformers, for tests of everything that must hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

VOCABULARY = 60

_SIZE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def _config(name: str, **extra: Any) -> Callable[[], Any]:
    def build() -> Any:
        import transformers

        return getattr(transformers, f"{name}Config")(**{**_SIZE, **extra})

    return build


FAMILIES: dict[str, Callable[[], Any]] = {
    "llama": _config("Llama"),
    "qwen2": _config("Qwen2"),
    "qwen3": _config("Qwen3", head_dim=8),
    "mistral-sliding": _config("Mistral", sliding_window=4),
    "mixtral": _config("Mixtral", num_local_experts=4, num_experts_per_tok=2),
    "gpt2": _config("GPT2", n_embd=32, n_layer=2, n_head=4, n_positions=128, num_key_value_heads=4),
    "gpt-neox": _config("GPTNeoX", num_key_value_heads=4),
    "olmo": _config("Olmo"),
    "phi": _config("Phi"),
    "gemma2": _config("Gemma2", head_dim=8, sliding_window=4, attn_logit_softcapping=5.0, final_logit_softcapping=3.0),
    "gemma3": _config("Gemma3Text", head_dim=8, sliding_window=4, layer_types=["sliding_attention", "full_attention"]),
    "granite": _config("Granite", logits_scaling=4.0),
    "cohere": _config("Cohere", logit_scale=0.25),
}

FALLBACK: dict[str, Callable[[], Any]] = {
    "mamba": _config("Mamba", state_size=8),
    "bloom": _config("Bloom", n_head=4, n_layer=2),
}


def tiny_model(name: str, seed: int = 0) -> torch.nn.Module:
    """A random model whose weights are large enough that a wrong mask shows."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config({**FAMILIES, **FALLBACK}[name](), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
    return model.eval()
