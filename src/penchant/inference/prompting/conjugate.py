"""Conjugate prompting: an invertible transform of the prompt, whose inverse is applied to the answer."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Annotated, Any

from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.records import Text, as_text
from penchant.inference.prompting.base import Prompting
from penchant.python_path import load_from

__all__ = ["TRANSFORMS", "Conjugate", "Transform", "recovered_share"]

#: From a text to a text.
Transform = Callable[[str], str]

# Letters and digits that change places, so that the transform is its own inverse.
_LEET = str.maketrans("aeiost431057", "431057aeiost")


def _rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def _leetspeak(text: str) -> str:
    return text.translate(_LEET)


def _reversed_words(text: str) -> str:
    return re.sub(r"\S+", lambda found: found[0][::-1], text)


def _reversed_order(text: str) -> str:
    words = iter(re.findall(r"\S+", text)[::-1])
    return re.sub(r"\S+", lambda _: next(words), text)


def _same(text: str) -> str:
    return text


#: Transforms that are their own inverse, by name.
TRANSFORMS: dict[str, Transform] = {
    "identity": _same,
    "rot13": _rot13,
    "leetspeak": _leetspeak,
    "reversed-words": _reversed_words,
    "reversed-order": _reversed_order,
}


class Conjugate(Prompting):
    """Asks in a transformed text and transforms the answer back, answer = s⁻¹(M(s(prompt))) (conjugate prompting).

    Tuning that taught a model to answer familiar prompts in one way may leave what it could do before within reach of
    unfamiliar ones. The transform changes what users wrote, and leaves other turns as they are.

    Args:
        forward: a function of your own, instead of ``transform`` or ``path``.
        backward: its inverse.
        settings: the keys below.

    Raises:
        ConfigurationError: there is no such transform, or only one of both functions is given.

    Example:
        >>> swapped = Conjugate(transform="rot13")
        >>> swapped.ask("Hello"), swapped.answer("Uryyb")
        ('Uryyb', 'Hello')

    Reference:
        Kotha, Springer, Raghunathan (2024), Understanding Catastrophic Forgetting in Language Models via Implicit
        Inference, arXiv:2309.10105.
    """

    id = "conjugate"

    transform: Annotated[str, "identity, rot13, leetspeak, reversed-words or reversed-order"] = "rot13"
    path: Annotated[str | None, "a function text -> text of your own: file.py:forward"] = None
    inverse: Annotated[str | None, "its inverse: file.py:backward"] = None

    def __init__(self, forward: Transform | None = None, backward: Transform | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        given = [each is not None for each in ((forward, backward) if self.path is None else (self.path, self.inverse))]
        if any(given) and not all(given):
            raise ConfigurationError(
                "A transform of your own needs its inverse too.",
                where="prompting.inverse",
                fix="Give prompting.path=file.py:forward and prompting.inverse=file.py:backward.",
            )
        if self.transform not in TRANSFORMS:
            raise ConfigurationError(
                f"There is no transform {self.transform!r}. {nearest(self.transform, TRANSFORMS)}",
                where="prompting.transform",
            )
        known = TRANSFORMS[self.transform]
        if self.path is not None and self.inverse is not None:
            forward, backward = (load_from(each, "prompting") for each in (self.path, self.inverse))
        self.forward, self.backward = forward or known, backward or known

    def ask(self, prompt: Text) -> Text:
        """The prompt with the texts of the user transformed.

        Raises:
            DataError: the inverse does not give back what was transformed.
        """
        if isinstance(prompt, str):
            return self._there_and_back(prompt)
        return [
            {**turn, "content": self._there_and_back(as_text([turn]))} if turn.get("role") == "user" else turn
            for turn in prompt
        ]

    def _there_and_back(self, text: str) -> str:
        there = self.forward(text)
        if (back := self.backward(there)) != text:
            raise DataError(
                f"The transform loses something: {text[:60]!r} becomes {there[:60]!r}, and back {back[:60]!r}.",
                where="prompting",
                why="Answers could not be read.",
                fix="Choose a transform that its inverse undoes.",
            )
        return there

    def answer(self, text: str) -> str:
        """The answer transformed back."""
        return self.backward(text)


def recovered_share(base: float, tuned: float, transformed: float) -> float:
    """How much of what tuning has hidden a transform brings back.

    share = (tuned_s − tuned) / (base − tuned): 0 if nothing changes, 1 if the tuned model under the transform does as
    well as the base model without it. Where tuning hid nothing (base ≤ tuned) it is NaN.

    Args:
        base: accuracy of the base model, as prompts are.
        tuned: accuracy of the tuned model, as prompts are.
        transformed: accuracy of the tuned model under the transform.

    Example:
        >>> recovered_share(0.75, 0.25, 0.5)
        0.5
    """
    return (transformed - tuned) / (base - tuned) if base > tuned else float("nan")
