"""`CatalogueEngine`, which answers prompts with the most likely items of a catalogue, by constrained beam search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Gt

from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.records import Text
from penchant.generation.catalogue import Catalogue, read_items
from penchant.generation.engines import Engine
from penchant.generation.item_search import search_items
from penchant.generation.responses import Response, Sampling
from penchant.rendering.renderer import Renderer

__all__ = ["CatalogueEngine"]


class CatalogueEngine(Engine):
    """Answers with the most likely items of a catalogue, best first, none twice (``catalogue``).

    Sampling settings have no effect: the items of a prompt are those of a constrained beam search with one beam each.

    Args:
        renderer: renders prompts as in training, and the items' texts as responses.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: ``items``, ``beams``, ``batch_size``.

    Reference:
        Tan et al. (2025), Reinforced Preference Optimization for Recommendation, arXiv:2510.12211.
    """

    id = "catalogue"
    draws = False

    items: Annotated[str, "file of the catalogue: rows with item and text"]
    beams: Annotated[int, Ge(0), "prefixes kept per prompt, if more than the responses of a prompt"] = 0
    batch_size: Annotated[int, Gt(0), "sequences computed at once"] = 512

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(renderer, longest_prompt, **settings)
        self.model: Any = None
        self.at_once = self.batch_size
        self._read = read_items(self.items)
        self._built: Catalogue | None = None

    def use(self, policy: Any) -> None:
        """Set the causal language model to search with."""
        self.model = policy

    def catalogue(self, prompt: Text) -> Catalogue:
        """The catalogue, with the tokens that items have after a prompt like this one."""
        if self._built is None:
            self._built = Catalogue(self._read, lambda text: self.response_tokens(prompt, text).ids)
        return self._built

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """The ``sampling.samples`` most likely items of each prompt, best first; the seed has no effect.

        Raises:
            ModelError: no model was set with `use`.
            ConfigurationError: more responses are wanted than the catalogue has items, or an item is longer than
                ``max_new_tokens``.
            DataError: an item has other tokens after one prompt than after another.
        """
        if self.model is None:
            raise ModelError("The engine has no model to sample from.", fix="Call engine.use(model) first.")
        self.check(prompts, sampling)
        catalogue = self.catalogue(prompts[0])
        pad = getattr(self.renderer.tokenizer, "pad_token_id", None)
        found = search_items(
            self.model,
            [self.prompt_ids(prompt) for prompt in prompts],
            catalogue.trie,
            beams=max(sampling.samples, self.beams),
            pad_token_id=0 if pad is None else pad,
            batch_size=self.batch_size,
        )
        return [
            [Response(catalogue.items[at].text, catalogue.sequences[at], True) for at in each.items[: sampling.samples]]
            for each in found
        ]

    def check(self, prompts: Sequence[Text], sampling: Sampling) -> None:
        """Refuse more responses than items, items longer than ``max_new_tokens``, and prompts that change their tokens.

        Args:
            prompts: to be answered, at least one.
            sampling: how many items of how many tokens.

        Raises:
            ConfigurationError: the settings do not suit the catalogue.
            DataError: an item has other tokens after one prompt than after another.
        """
        catalogue = self.catalogue(prompts[0])
        if sampling.samples > len(catalogue):
            raise ConfigurationError(
                f"{sampling.samples} different items are wanted per prompt, but the catalogue has {len(catalogue)}.",
                where=self.items,
                fix=f"Ask for {len(catalogue)} or fewer (samples_per_prompt, eval_samples).",
            )
        if catalogue.trie.longest > sampling.max_new_tokens:
            raise ConfigurationError(
                f"The longest item has {catalogue.trie.longest} tokens with its end token, "
                f"but max_new_tokens is {sampling.max_new_tokens}.",
                where=self.items,
                fix=f"Give max_new_tokens={catalogue.trie.longest}.",
            )
        text = catalogue.items[0].text
        for prompt in prompts:
            if (found := tuple(self.response_tokens(prompt, text).ids)) != catalogue.sequences[0]:
                raise DataError(
                    f"The item {text!r} has the tokens {list(catalogue.sequences[0])} after one prompt, "
                    f"and {list(found)} after another ({str(prompt)[-40:]!r}).",
                    where=self.items,
                    fix="End all prompts alike, for example with a line break, or use messages for all of them.",
                )
