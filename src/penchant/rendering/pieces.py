"""The text of each token, to display token boundaries."""

from __future__ import annotations

from penchant.rendering.renderer import Renderer

__all__ = ["pieces"]


def pieces(renderer: Renderer, ids: list[int], before: int | None = None) -> list[str]:
    """The text that each token adds.

    A token that is only part of a character is shown as its entry in the vocabulary.

    Args:
        renderer: the renderer that produced the ids.
        ids: token ids.
        before: the id of the token before the first, if there is one; it decides whether a leading space is shown.

    Returns:
        One text per id.

    Example:
        >>> from types import SimpleNamespace
        >>> renderer = SimpleNamespace(decode=lambda ids: "".join("ab"[i] for i in ids), tokenizer=None)
        >>> pieces(renderer, [0, 1, 1])
        ['a', 'b', 'b']
    """
    found: list[str] = []
    for token in ids:
        lead = "" if before is None else renderer.decode([before])
        both = renderer.decode([token] if before is None else [before, token])
        piece = both[len(lead) :] if both.startswith(lead) else renderer.decode([token])
        if not piece or "\N{REPLACEMENT CHARACTER}" in piece:
            piece = str(renderer.tokenizer.convert_ids_to_tokens(token))
        found.append(piece)
        before = token
    return found
