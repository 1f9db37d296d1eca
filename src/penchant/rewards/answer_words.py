"""The tokens of the words between which a language model decides, as they follow a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.rendering.renderer import Renderer

__all__ = ["word_ids"]


def word_ids(renderer: Renderer, prompt: Text, words: Sequence[str]) -> list[list[int]]:
    """The token ids of each word as the beginning of an answer, without the end token.

    Args:
        renderer: of the model.
        prompt: what the model answers.
        words: such as A and B.

    Raises:
        ModelError: two words have the same tokens, so that their probabilities are always equal.
    """
    found = [renderer.sampled_ids(prompt, word)[:-1] for word in words]
    if len({tuple(each) for each in found}) < len(words) or not all(found):
        raise ModelError(
            f"The tokenizer writes the words {' and '.join(map(repr, words))} as the same tokens.",
            why="Their probabilities would always be equal, and the judge could prefer nothing.",
            fix="Use a model whose vocabulary has both words.",
        )
    return found
