"""A word-level tokenizer for the language world, built in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from penchant.lab.worlds.language.reviews import vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["build_tokenizer"]

_SPECIAL = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}


def build_tokenizer(further: Iterable[str] = (), *, reviews: bool = True) -> PreTrainedTokenizerFast:
    """A tokenizer with one token per word and punctuation mark, and ``<pad> <bos> <eos> <unk>``.

    Text is lower-cased and encoded with a leading ``<bos>`` (none with ``add_special_tokens=False``). Encoding and
    decoding a review returns it unchanged. No files or network are used.

    Args:
        further: additional words; they come last.
        reviews: False for a tokenizer with the additional words only.

    Returns:
        A ``transformers.PreTrainedTokenizerFast``; it can be saved and loaded with ``save_pretrained`` and
        ``from_pretrained``.

    Example:
        >>> tokenizer = build_tokenizer()
        >>> ids = tokenizer("the kettle is great, but loud.")["input_ids"]
        >>> tokenizer.decode(ids)
        '<bos> the kettle is great, but <unk>.'
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = list(dict.fromkeys([*_SPECIAL.values(), *(vocabulary() if reviews else ()), *further]))
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    # The WordPiece decoder puts a space before every token but the first; the space before marks is then removed.
    tokenizer.decoder = decoders.Sequence(
        [decoders.WordPiece(prefix="##", cleanup=False), decoders.Replace(Regex(r"^ (?=[.,:!?]$)"), "")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", words.index("<bos>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, clean_up_tokenization_spaces=False, **_SPECIAL
    )
