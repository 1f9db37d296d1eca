"""`TextTokens` gives the ids of the tokenizer itself, for every kind of tokenizer, and tokenises a piece once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from penchant.rendering import text_tokens
from penchant.rendering.text_tokens import TextTokens
from rendering.tokenizers_small import LINES, byte_level, wrap

SPECIALS = ("<|im_start|>", "<|im_end|>")


def metaspace(scheme: str) -> PreTrainedTokenizerFast:
    """A SentencePiece-like tokenizer; with ``first`` only the beginning of a text gets a space in front."""
    backend = Tokenizer(models.Unigram([("<unk>", 0.0)], 0, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    backend.train_from_iterator(
        LINES * 3, trainers.UnigramTrainer(vocab_size=120, unk_token="<unk>", show_progress=False)
    )
    return wrap(backend, specials=SPECIALS)


def prepending() -> PreTrainedTokenizerFast:
    """A tokenizer whose normalizer writes a sign in front of every piece, as Llama 2 has it."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.train_from_iterator(
        LINES, trainers.BpeTrainer(vocab_size=200, special_tokens=["<unk>"], show_progress=False)
    )
    return wrap(backend, specials=SPECIALS)


KINDS: dict[str, Callable[[], Any]] = {
    "byte level": lambda: byte_level(specials=SPECIALS),
    "metaspace, always": lambda: metaspace("always"),
    "metaspace, first": lambda: metaspace("first"),
    "prepend": prepending,
}
TEXTS = [
    "",
    "Hello world",
    " hello  world ",
    "<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\nHello! <|im_end|>",
    "<|im_end|><|im_end|> <|im_start|>  \n",
    "before <|im_start|> after <|im_star",
    "Käse 今天 <|im_start|>\tne\u0301e</s>x<s>",
]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_give_the_ids_of_the_whole(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is compared at run time here, so that an inexact piece shows.
    monkeypatch.setattr(text_tokens, "COMPARED", 0)
    tokenizer = KINDS[kind]()
    tokens = TextTokens(tokenizer)
    assert tokens.cut is not None
    for text in (*TEXTS, *reversed(TEXTS)):
        assert tokens.ids(text) == tokenizer(text, add_special_tokens=False)["input_ids"], text


def test_a_piece_is_tokenised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tokens, "COMPARED", 0)
    tokens = TextTokens(byte_level(specials=SPECIALS))
    asked: list[str] = []
    encoded = tokens._encoded
    monkeypatch.setattr(tokens, "_encoded", lambda text: asked.append(text) or encoded(text))  # type: ignore[func-returns-value]
    prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    for text in (prompt, prompt + "a", prompt + "b", prompt + "a"):
        tokens.ids(text)
    assert asked == [
        "<|im_start|>user\nHi",
        "<|im_end|>\n",
        "<|im_start|>assistant\n",
        "<|im_start|>assistant\na",
        "<|im_start|>assistant\nb",
    ]


def test_pieces_that_are_not_asked_for_again_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tokens, "KEPT", 4)
    tokenizer = byte_level()
    tokens, asked = TextTokens(tokenizer), []
    encoded = tokens._encoded
    monkeypatch.setattr(tokens, "_encoded", lambda text: asked.append(text) or encoded(text))
    for text in ("a", "b", "c", "a", "d", "a", "e", "b"):
        assert tokens.ids(text) == tokens.whole(text)
        assert len(tokens.kept) + len(tokens.older) <= 4
    assert asked == ["a", "b", "c", "d", "e", "b"]  # a is asked for again and again, b is not


def test_tokens_that_take_spaces_along_are_never_cut_at() -> None:
    tokenizer = byte_level()
    tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken("<call>", lstrip=True, special=True)]})
    tokens = TextTokens(tokenizer)
    assert tokens.cut is None
    text = "a  <call> b"
    assert tokens.ids(text) == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_a_tokenizer_whose_pieces_differ_is_asked_for_whole_texts() -> None:
    tokenizer = byte_level(specials=SPECIALS)
    tokens = TextTokens(tokenizer)
    tokens._encoded = lambda text: [1, 2, 3]  # type: ignore[method-assign]
    assert tokens.ids("Hello") == tokens.whole("Hello")
    assert tokens.cut is None and tokens.ids("Hello again") == tokens.whole("Hello again")
