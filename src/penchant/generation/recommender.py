"""`Recommender`: lists of items that a language model finds most likely after the histories of users."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.interactions import prompt_of
from penchant.generation.catalogue import Catalogue, Item
from penchant.generation.item_search import search_items
from penchant.rendering.renderer import Renderer

__all__ = ["Recommender", "load_recommender", "load_recommender_tokenizer"]

#: Beams beyond the length of a list, since beams of items that a user had are spent for nothing.
SPARE = 10


class Recommender:
    """Recommends items of a catalogue with a causal language model, by constrained beam search.

    Args:
        model: a causal language model of transformers that knows the items.
        tokenizer: its tokenizer; its end token separates the items of a history.
        items: the catalogue.

    Raises:
        DataError: the catalogue cannot be used.
    """

    def __init__(self, model: Any, tokenizer: Any, items: Sequence[Item]) -> None:
        self.model, self.renderer = model, Renderer(tokenizer)
        self.end = self.renderer.decode([self.renderer.end_token_id])
        before = prompt_of([items[0].text] if items else [], self.end)
        self.catalogue = Catalogue(items, lambda text: self.renderer.response_ids(before, text))
        pad = getattr(tokenizer, "pad_token_id", None)
        self.pad = 0 if pad is None else pad
        positions = getattr(model.config, "max_position_embeddings", None)
        self.room = None if positions is None else positions - self.catalogue.trie.longest

    def top(self, histories: Sequence[Sequence[int]], k: int, *, beams: int = 0, seen: bool = False) -> list[list[int]]:
        """The best ``k`` items of each user, best first, none twice.

        Args:
            histories: places of items in the catalogue, oldest first; none empty. What does not fit into the model's
                context is left out, oldest first.
            k: length of a list.
            beams: of the search; default: k + 10, and more for a user whose list would come out too short.
            seen: whether items of the history may be recommended.

        Raises:
            ConfigurationError: k exceeds the number of items.
        """
        if not 1 <= k <= len(self.catalogue):
            raise ConfigurationError(f"k is {k}, but the catalogue has {len(self.catalogue)} items.", where="k")
        lists = self._search(histories, k, beams or k + SPARE, seen)
        short = [place for place, each in enumerate(lists) if len(each) < k]
        if short and not seen:
            wider = k + max(len(set(histories[place])) for place in short)
            for place, each in zip(short, self._search([histories[at] for at in short], k, wider, seen), strict=True):
                lists[place] = each
        return lists

    def _search(self, histories: Sequence[Sequence[int]], k: int, beams: int, seen: bool) -> list[list[int]]:
        prompts = [self._prompt(each) for each in histories]
        found = search_items(self.model, prompts, self.catalogue.trie, beams=beams, pad_token_id=self.pad)
        left_out = [set() if seen else set(each) for each in histories]
        return [[item for item in each.items if item not in out][:k] for each, out in zip(found, left_out, strict=True)]

    def _prompt(self, history: Sequence[int]) -> list[int]:
        if not history:
            raise DataError("A user without any item has no history to continue.", where="history")
        start, used = len(history), 0
        while start and (self.room is None or used + len(self.catalogue.sequences[history[start - 1]]) <= self.room):
            start -= 1
            used += len(self.catalogue.sequences[history[start]])
        kept = history[start:] or history[-1:]
        return self.renderer.prompt_ids(prompt_of([self.catalogue.items[item].text for item in kept], self.end))


def load_recommender(model: str | Path, items: Sequence[Item]) -> Recommender:
    """A recommender with the model of a folder (or a run's folder, or a hub id).

    Raises:
        ModelError: it cannot be loaded.
    """
    from penchant.likelihood.loading import load_model

    return Recommender(load_model(_source(model)).eval(), load_recommender_tokenizer(model), items)


def load_recommender_tokenizer(model: str | Path) -> Any:
    """The tokenizer of a recommender's model alone, which also finds out whether there is a model.

    Raises:
        ModelError: it cannot be loaded.
    """
    from penchant.rendering.tokenizer import load_tokenizer

    return load_tokenizer(_source(model))


def _source(model: str | Path) -> str:
    """The model's own folder in that of a run."""
    folder = Path(model)
    inner = folder / "model"
    return str(inner if (inner / "config.json").is_file() and not (folder / "config.json").is_file() else model)
