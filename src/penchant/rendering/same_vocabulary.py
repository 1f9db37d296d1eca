"""Comparing the vocabularies of two tokenizers."""

from __future__ import annotations

from typing import Any

from penchant.errors import ModelError

__all__ = ["check_same_vocabulary", "other_vocabulary"]

SHARED = "Give a reference with the same tokenizer, such as the model that this one was trained from."


def check_same_vocabulary(name: str, tokenizer: Any, other_name: str, other: Any) -> None:
    """Check that a reference has every token of the policy under the same number.

    The padding token may be absent: no sequence contains it.

    Args:
        name: the policy, for the error.
        tokenizer: its tokenizer.
        other_name: the reference, for the error.
        other: its tokenizer.

    Raises:
        ModelError: a token is missing, or has another number.
    """
    own, theirs = tokenizer.get_vocab(), other.get_vocab()
    wrong = [token for token, number in own.items() if theirs.get(token) != number and token != tokenizer.pad_token]
    if not wrong:
        return
    token = min(wrong, key=own.__getitem__)
    there = f"number {theirs[token]}" if token in theirs else "not in the vocabulary"
    raise other_vocabulary(
        f"{name} ({len(own)} tokens) and {other_name} ({len(theirs)} tokens) have different vocabularies: {token!r} is "
        f"number {own[token]} in the first and {there} in the second"
    )


def other_vocabulary(what: str) -> ModelError:
    """The error for a reference that cannot score the policy's tokens."""
    return ModelError(
        f"{what}.", where="reference", why="The log-probabilities would be those of other texts.", fix=SHARED
    )
