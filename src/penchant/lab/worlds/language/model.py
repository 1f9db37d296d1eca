"""A tiny Llama that learns the language world in under a minute on two cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

__all__ = ["tiny_model"]


def tiny_model(
    tokenizer: PreTrainedTokenizerBase, *, seed: int = 0, hidden: int = 128, layers: int = 2
) -> LlamaForCausalLM:
    """A Llama with random weights for a tokenizer's vocabulary, with tied embeddings.

    Args:
        tokenizer: provides the vocabulary size and the ids of the special tokens.
        seed: seed of the weights; the random state of torch is restored.
        hidden: width, a multiple of 32 (heads are 32 wide).
        layers: number of layers, at least 1.

    Returns:
        A ``transformers.LlamaForCausalLM`` in float32, in evaluation mode.

    Example:
        >>> from penchant.lab.worlds.language import build_tokenizer
        >>> tiny_model(build_tokenizer(), seed=0).config.num_hidden_layers
        2
    """
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    special = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 32,
        max_position_embeddings=512,
        initializer_range=0.05,
        tie_word_embeddings=True,
        **special,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(do_sample=True, **special)
    return model.eval()
