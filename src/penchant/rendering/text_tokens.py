"""`TextTokens`, which tokenises texts piece by piece, so that what several texts share is tokenised once."""

from __future__ import annotations

import re
from array import array
from hashlib import blake2b
from typing import Any

__all__ = ["TextTokens"]

#: Pieces that are kept, a few hundred bytes each.
KEPT = 40_000
#: Texts whose tokens are compared with those of the tokenizer before the faster way is trusted.
COMPARED = 8


class TextTokens:
    """Token ids of texts, without added special tokens.

    A tokenizer of the ``tokenizers`` library first cuts a text at its special tokens, and each piece is tokenised by
    itself. So the pieces of a prompt (its turns) need no second pass for each response to it, nor for the checks of the
    data and the encoding that follows: a piece is kept by its hash. A piece is tokenised behind its own special token,
    since some tokenizers treat the beginning of a text in another way.

    This holds for special tokens that match as they stand. A tokenizer with others, one written in Python, or one whose
    first texts come out differently, is asked for every text as a whole.

    Args:
        tokenizer: a tokenizer of ``transformers``.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.backend = getattr(tokenizer, "backend_tokenizer", None)
        self.specials = _cutting(tokenizer)
        self.cut = (
            re.compile("|".join(map(re.escape, sorted(self.specials, key=len, reverse=True))))
            if self.specials
            else None
        )
        self.compared = 0
        #: Two generations of pieces: a full one becomes the older, and the older one is dropped.
        self.kept: dict[bytes, array[int]] = {}
        self.older: dict[bytes, array[int]] = {}

    def whole(self, text: str) -> list[int]:
        """The ids of a text in one pass of the tokenizer."""
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) if text else []

    def ids(self, text: str) -> list[int]:
        """The ids of a text."""
        if self.cut is None:
            return self.whole(text)
        found = self._joined(text)
        if self.compared < COMPARED and text:
            self.compared += 1
            if found != (exact := self.whole(text)):
                self.cut = None
                return exact
        return found

    def _joined(self, text: str) -> list[int]:
        assert self.cut is not None
        ids: list[int] = []
        start, special = 0, ""
        for match in self.cut.finditer(text):
            ids += self._piece(special, text[start : match.start()])
            ids.append(self.specials[match[0]])
            start, special = match.end(), match[0]
        return ids + self._piece(special, text[start:])

    def _piece(self, special: str, piece: str) -> list[int]:
        """The ids of a piece that follows a special token, or begins the text."""
        if not piece:
            return []
        text = special + piece
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self.kept.get(key)
        if found is None:
            found = self.older.pop(key, None) or array("i", self._encoded(text)[1 if special else 0 :])
            self._keep(key, found)
        return found.tolist()

    def _keep(self, key: bytes, ids: array[int]) -> None:
        # Deleting the oldest entry of one dict would walk over all that were deleted before it.
        if len(self.kept) >= KEPT // 2:
            self.older, self.kept = self.kept, {}
        self.kept[key] = ids

    def _encoded(self, text: str) -> list[int]:
        encode = getattr(self.backend, "encode_batch_fast", None)
        ids: list[int] = encode([text], add_special_tokens=False)[0].ids if encode else self.whole(text)
        return ids


def _cutting(tokenizer: Any) -> dict[str, int]:
    """The special tokens at which every text is cut, with their ids; empty if the pieces may depend on each other."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or backend.truncation is not None or backend.padding is not None:
        return {}
    if getattr(tokenizer, "split_special_tokens", False):
        return {}
    added = getattr(tokenizer, "added_tokens_decoder", {})
    specials = {token.content: number for number, token in added.items() if token.special and token.content}
    bent = any(
        token.lstrip or token.rstrip or token.single_word or token.normalized
        for token in added.values()
        if token.special
    )
    return {} if bent else specials
