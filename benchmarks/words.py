"""A tokenizer whose words are numbers, for benchmarks on random tokens."""

from __future__ import annotations

from typing import Any


def number_tokenizer(size: int) -> Any:
    """Word ``"17"`` is token 17; 0, 1 and 2 are padding, beginning and end."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<s>": 1, "</s>": 2} | {str(number): number for number in range(3, size)}
    core = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
