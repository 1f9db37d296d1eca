"""Models that know the tokens of items: a small one from scratch, or a given one with a larger vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["extend_vocabulary", "small_model", "word_tokenizer"]

_SPECIAL = {"pad_token": "<pad>", "eos_token": "<end>", "unk_token": "<unk>"}


def word_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerBase:
    """A tokenizer whose tokens are words in angle brackets, which stand in texts without spaces.

    Args:
        words: such as ``<a3>``.

    Example:
        >>> tokenizer = word_tokenizer(["<a0>", "<b1>"])
        >>> tokenizer("<a0><b1><end>")["input_ids"], tokenizer.decode([3, 4])
        ([3, 4, 1], '<a0><b1>')
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = list(dict.fromkeys([*_SPECIAL.values(), *words]))
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(known)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"<[a-z]+[0-9]*>"), "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, clean_up_tokenization_spaces=False, **_SPECIAL)


def small_model(tokenizer: Any, *, width: int = 64, layers: int = 2, longest: int = 512, seed: int = 0) -> Any:
    """A Llama with random weights for a tokenizer's vocabulary.

    Args:
        tokenizer: provides the vocabulary size and the ids of the special tokens.
        width: of the layers, a multiple of 32 (heads are 32 wide).
        layers: their number.
        longest: tokens of the longest sequence.
        seed: of the weights; the random state of torch is restored.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=longest,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


def extend_vocabulary(model: Any, tokenizer: Any, words: Sequence[str], *, seed: int = 0) -> int:
    """Add words to a tokenizer, and rows for them to a model's embeddings, in place.

    New rows are drawn around the mean of the known ones (transformers' ``mean_resizing``), so that no new token is
    likely or unlikely before training.

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer.
        words: new tokens; known ones are left as they are.
        seed: of the new rows; the random state of torch is restored.

    Returns:
        The number of tokens added.
    """
    import torch

    added = tokenizer.add_tokens([word for word in words if word not in tokenizer.get_vocab()])
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model.resize_token_embeddings(len(tokenizer))
    return int(added)
