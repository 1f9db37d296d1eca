"""`Answer`: what a key of another library is called here, or why it has no counterpart."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["LIBRARIES", "Answer", "answer_to", "answers_of", "hint"]

#: The libraries by the file of their table, in the order in which a key is looked up. The arguments of transformers
#: belong to TRL and to LLaMA-Factory too.
LIBRARIES = {"trl": "TRL", "transformers": "transformers", "llama_factory": "LLaMA-Factory", "axolotl": "axolotl"}


@dataclass(frozen=True)
class Answer:
    """The answer to one key of another library.

    Args:
        library: the library's name.
        key: its key.
        ours: the counterparts: recipe keys, options (``--resume``) or commands; empty if there is none.
        note: how values differ; without a counterpart, why there is none.
    """

    library: str
    key: str
    ours: tuple[str, ...]
    note: str

    @property
    def sentence(self) -> str:
        """The answer as one sentence.

        Example:
            >>> answer_to("lora_r").sentence
            "TRL's `lora_r` is `lora.rank` here."
            >>> answer_to("padding_free").sentence[:50]
            "TRL's `padding_free` has no counterpart here: a ba"
        """
        owner = f"{self.library}'" if self.library.endswith("s") else f"{self.library}'s"
        if not self.ours:
            return f"{owner} `{self.key}` has no counterpart here: {self.note}."
        ours = " with ".join(f"`{each}`" for each in self.ours)
        return f"{owner} `{self.key}` is {ours} here{f': {self.note}' if self.note else ''}."


@cache
def answers_of(table: str) -> dict[str, Answer]:
    """All answers of a library by key.

    Args:
        table: a key of `LIBRARIES`.

    Example:
        >>> answers_of("llama_factory")["cutoff_len"].ours
        ('max_length',)
    """
    import yaml

    text = (Path(__file__).parent / f"{table}.yaml").read_text(encoding="utf-8")
    groups: list[dict[str, Any]] = yaml.safe_load(text)["answers"]
    return {
        key: Answer(LIBRARIES[table], key, _counterparts(group, key), group.get("how") or group.get("why", ""))
        for group in groups
        for key in group["keys"].split()
    }


def _counterparts(group: dict[str, Any], key: str) -> tuple[str, ...]:
    """A group's counterparts; ``same`` stands for the key itself."""
    ours = group.get("ours", [])
    words = ours.split() if isinstance(ours, str) else ours
    return tuple(key if word == "same" else word for word in words)


def answer_to(key: str) -> Answer | None:
    """The first library's answer to a key; None if no library has such a key.

    Example:
        >>> answer_to("micro_batch_size").library, answer_to("no_such_key")
        ('axolotl', None)
    """
    return next((found for table in LIBRARIES if (found := answers_of(table).get(key))), None)


def hint(key: str, own: list[str]) -> str | None:
    """What to say about an unknown key: the answer to it, or to the nearest key of another library.

    Args:
        key: as given.
        own: the keys that a recipe has.

    Returns:
        A sentence; None if a key of the recipe is nearer, or none of another library is near.

    Example:
        >>> hint("betta", ["batch_size"])
        "Did you mean 'beta'? TRL's `beta` is `objective.beta` here."
        >>> hint("learning_rat", ["learning_rate"]) is None
        True
        >>> hint("top_p", ["samples"])
        '`top_p` is a key of `penchant online`.'
    """
    exact = answer_to(key)
    if exact is not None and exact.ours == (key,):  # of another kind of recipe
        return f"`{key}` is a key of `penchant online`{f': {exact.note}' if exact.note else ''}."
    if exact is not None:
        return exact.sentence
    foreign = [name for table in LIBRARIES for name in answers_of(table) if name not in own]
    close = difflib.get_close_matches(key, [*own, *foreign], n=1, cutoff=0.75)
    found = None if not close or close[0] in own else answer_to(close[0])
    return None if found is None else f"Did you mean {found.key!r}? {found.sentence}"
