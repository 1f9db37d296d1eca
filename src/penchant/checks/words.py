"""Words of a text, also in scripts that write no spaces between them."""

from __future__ import annotations

import re

__all__ = ["count_words", "words_of"]

# Kana, Han (with its extensions), and their compatibility forms.
_SIGNS = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Thai, Lao, Burmese, Khmer.
_LETTERS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
# Ideographic and full-width punctuation.
_POINTS = "\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
_UNSPACED = re.compile(f"[{_SIGNS}{_LETTERS}]")
_COUNTED = re.compile(rf"[{_SIGNS}]|[{_LETTERS}]{{1,4}}|[^\s{_SIGNS}{_LETTERS}{_POINTS}]+")
_SPACED = re.compile(r"\w+")
_COMPARED = re.compile(rf"[{_SIGNS}]|[{_LETTERS}]{{1,4}}|[^\W{_SIGNS}{_LETTERS}]+")


def count_words(text: str) -> int:
    """The number of words, a length where there is no tokenizer.

    Words stand between white space. Where a script writes none, each sign of Chinese and Japanese counts as one, and so
    do up to four letters of Thai, Lao, Burmese and Khmer, the usual length of their words.

    Example:
        >>> count_words("two words"), count_words("今天天气很好。"), count_words("用 Python 写的")
        (2, 6, 4)
    """
    if text.isascii() or not _UNSPACED.search(text):
        return len(text.split())
    return len(_COUNTED.findall(text))


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation, to compare texts.

    Example:
        >>> words_of("Hello, world!"), words_of("你好，world")
        (['hello', 'world'], ['你', '好', 'world'])
    """
    spaced = text.isascii() or not _UNSPACED.search(text)
    return (_SPACED if spaced else _COMPARED).findall(text.lower())
