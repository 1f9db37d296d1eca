"""A renderer over a dozen whole words."""

from __future__ import annotations

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from penchant.rendering.renderer import Renderer

WORDS = ["</s>", "?", "the", "a", "cat", "dog", "sat", "ran", "on", "and", "down"]
END = 0


def renderer() -> Renderer:
    """Words to ids by their place in ``WORDS``; responses end with ``</s>``."""
    words = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return Renderer(PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", unk_token="?"))
