"""`StopAtText`: a stopping criterion of transformers that ends a response at a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria

__all__ = ["StopAtText", "cut_at"]


def cut_at(text: str, stops: Sequence[str]) -> str:
    """The text before the first of the stops that it contains; the whole text if it contains none.

    Example:
        >>> cut_at("Yes.\\n# Query:", ["# Query:", "```"])
        'Yes.\\n'
    """
    return text[: min([found for stop in stops if (found := text.find(stop)) >= 0], default=len(text))]


class StopAtText(StoppingCriteria):
    """Ends a row as soon as its response contains one of the texts, whatever tokens spell it.

    The criterion of transformers (``stop_strings``) needs a tokenizer that can spell its own test word.

    Args:
        stops: the texts, none empty.
        decode: from token ids to text.
        prompt_length: tokens before the response, padding included.

    Example:
        >>> criterion = StopAtText(["bc"], lambda ids: "".join(map(chr, ids)), prompt_length=1)
        >>> criterion(torch.tensor([[65, 97, 98], [65, 98, 99]]), None).tolist()
        [False, True]
    """

    def __init__(self, stops: Sequence[str], decode: Callable[[list[int]], str], prompt_length: int) -> None:
        self.stops, self.decode = tuple(stops), decode
        # A character takes at most four tokens, and a step adds one.
        self.window = 4 * max(map(len, stops)) + 1
        self.prompt_length = prompt_length
        self.ends: dict[int, int] = {}

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """[R], whether each row is done."""
        tails = input_ids[:, max(self.prompt_length, input_ids.shape[1] - self.window) :].tolist()
        done = [self.ended(tail) for tail in tails]
        for row in (row for row, ended in enumerate(done) if ended):
            self.ends.setdefault(row, input_ids.shape[1] - self.prompt_length)
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def ended(self, tokens: list[int]) -> bool:
        """Whether the last token of a response, given all of its tokens so far, completes one of the texts."""
        text = self.decode(tokens[-self.window :])
        return any(stop in text for stop in self.stops)

    def until(self, row: int, tokens: list[int]) -> list[int]:
        """The tokens of a row's response up to its end; what follows is padding."""
        return tokens[: self.ends.get(row, len(tokens))]
