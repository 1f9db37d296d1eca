"""`Speaker`: the model under test, which answers dialogues that fit into its context."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.evaluation.preference_following.tasks import LETTERS
from penchant.feedback.records import Message
from penchant.rewards.answerers import Answerer, Question
from penchant.rewards.local_answerer import LocalAnswerer

__all__ = ["Dialogue", "Speaker"]

#: Turns so far, the user's last; None for one that ended because it no longer fits.
Dialogue = list[Message] | None
# A letter is a few tokens.
_LETTER_ROOM = 4


class Speaker:
    """Answers dialogues; one that does not fit into the context of a local model has no answer.

    Cutting a dialogue would cut the preference away, which stands first.

    Args:
        answerer: a model in a folder, or anything else that answers questions.
    """

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer

    def answers(self, dialogues: Sequence[Dialogue]) -> list[str | None]:
        """A text for each dialogue; None where there is no dialogue, or no room."""
        fitting = self._fitting(dialogues, None)
        said = self.answerer.ask([Question(each) for _place, each in fitting]) if fitting else []
        found: list[str | None] = [None] * len(dialogues)
        for (place, _dialogue), answer in zip(fitting, said, strict=True):
            found[place] = answer.text.strip()
        return found

    def letters(self, dialogues: Sequence[Dialogue]) -> list[str | None]:
        """The most likely of the letters A to D as the first word of each answer; None as for `answers`."""
        fitting = self._fitting(dialogues, _LETTER_ROOM)
        said = self.answerer.ask([Question(each, LETTERS) for _place, each in fitting]) if fitting else []
        found: list[str | None] = [None] * len(dialogues)
        for (place, _dialogue), answer in zip(fitting, said, strict=True):
            found[place] = max(LETTERS, key=lambda letter: answer.first.get(letter, 0.0)) if answer.first else None
        return found

    def _fitting(self, dialogues: Sequence[Dialogue], room: int | None) -> list[tuple[int, list[Message]]]:
        given = [(place, each) for place, each in enumerate(dialogues) if each is not None]
        model = self.answerer
        if not isinstance(model, LocalAnswerer) or model.limit is None:
            return given
        left = model.limit - (model.max_new_tokens if room is None else room)
        return [(place, each) for place, each in given if len(model.renderer.prompt_ids(model.prompt(each))) <= left]
