"""`Companions`: the other models of a decoding method, loaded once, with the vocabulary of the generating model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.documents import yaml_document
from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.likelihood.loading import load_model
from penchant.likelihood.reward_folder import check_answers
from penchant.model_folders import HUB_ID, trained_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["Companion", "Companions", "check_vocabulary", "start_of"]


class Companion:
    """Another model, and how it receives prompts.

    Args:
        model: a causal language model in evaluation mode.
        renderer: renders its prompts.
    """

    def __init__(self, model: Any, renderer: Renderer) -> None:
        self.model, self.renderer = model, renderer

    def prompt_ids(self, prompt: Text, longest: int | None) -> list[int]:
        """The tokens of a prompt, of which the last ``longest`` are kept."""
        ids = self.renderer.prompt_ids(prompt)
        return ids if longest is None else ids[-longest:]


class Companions:
    """Loads models by name, each once.

    Args:
        renderer: that of the generating model, whose vocabulary all must have.
        device: where they are loaded to.
    """

    def __init__(self, renderer: Renderer, device: Any = "cpu") -> None:
        self.renderer, self.device = renderer, device
        self._loaded: dict[str, Companion] = {}

    def get(self, name: str, where: str) -> Companion:
        """The model of a folder, a run's folder or a hub id.

        Args:
            name: which one.
            where: the key that names it, for errors.

        Raises:
            ModelError: it cannot be loaded, is a reward model, or its vocabulary is another.
        """
        source = trained_model(name)
        if source not in self._loaded:
            check_answers(source)
            tokenizer = load_tokenizer(source)
            check_vocabulary(self.renderer.tokenizer, tokenizer, f"{where}: {name}")
            own = getattr(tokenizer, "chat_template", None)
            template = None if own else self.renderer.chat_template
            renderer = Renderer(tokenizer, chat_template=template, as_chat=self.renderer.as_chat)
            self._loaded[source] = Companion(load_model(source).to(self.device).eval(), renderer)
        return self._loaded[source]


def check_vocabulary(own: Any, other: Any, where: str) -> None:
    """Refuse a model whose tokens have other ids than those of the generating model.

    Args:
        own: the tokenizer of the generating model.
        other: that of the other model.
        where: names the other model.

    Raises:
        ModelError: a token has another id, or is not in the vocabulary of the other model.
    """
    ours, theirs = own.get_vocab(), other.get_vocab()
    differ = (token for token, place in ours.items() if theirs.get(token) != place)
    wrong = min(differ, key=lambda token: (ours[token], token), default=None)
    if wrong is not None:
        found = f"{theirs[wrong]} there" if wrong in theirs else "is absent there"
        raise ModelError(
            f"The vocabularies differ: the token {wrong!r} has the id {ours[wrong]} in the generating model and "
            f"{found} ({len(ours)} and {len(theirs)} tokens).",
            where=where,
            why="Probabilities of next tokens can only be combined token by token.",
            fix="Choose a model with the same tokenizer, or one that was tuned from the same family.",
        )


def start_of(names: Sequence[str]) -> str | None:
    """The model from which the runs were trained, if all names are run folders with the same one.

    Args:
        names: models; a run's folder holds the recipe that names its start.
    """
    starts = {_start(name) for name in names}
    return starts.pop() if len(starts) == 1 else None


def _start(name: str) -> str | None:
    for folder in (Path(name), Path(name).parent):
        recipe = folder / "recipe.yaml"
        if recipe.is_file():
            found = yaml_document(recipe.read_text(encoding="utf-8"), str(recipe)).get("model")
            return found if isinstance(found, str) and (Path(found).exists() or _may_be_hub_id(found)) else None
    return None


def _may_be_hub_id(name: str) -> bool:
    """Whether a name that is no folder may be one of the hub: two words, of which the first is no folder either."""
    return HUB_ID.fullmatch(name) is not None and "/" in name and not Path(name).parent.exists()
