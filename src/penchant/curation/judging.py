"""Judges of builders: how an option names them, and their scores of many records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penchant.errors import ConfigurationError
from penchant.feedback.records import Record
from penchant.named_judge import judge_word
from penchant.rewards.folders import judge_of_folder
from penchant.rewards.judge import Judge
from penchant.rewards.registry import build_judge
from penchant.rewards.scores import scored

__all__ = ["JUDGE_WORDS", "judges_of", "scores_of"]

#: The form of an option that names a judge, for its help.
JUDGE_WORDS = "NAME,KEY=VALUE,..., or the folder of a reward model"


def judges_of(words: Sequence[str], records: Sequence[Record], device: Any = "cpu") -> list[Judge]:
    """The judges that options name, ready to score.

    Args:
        words: one text for each judge, as for `penchant.named_judge.judge_word`.
        records: what will be judged; some judges read from it.
        device: the device of judges with a model.

    Raises:
        ConfigurationError: none is named, one is ``none``, or a name or key is unknown.
    """
    judges = [build_judge(judge_word(each, "judge", judge_of_folder), records, device) for each in words]
    if not judges or None in judges:
        raise ConfigurationError(
            "No judge is named." if not judges else "The judge 'none' scores nothing.",
            fix=f"Give --judge, one or several times: {JUDGE_WORDS}.",
        )
    return [each for each in judges if each is not None]


def scores_of(
    judge: Judge,
    records: Sequence[Record],
    responses: Sequence[Sequence[Any]],
    done: Callable[[int], None] | None = None,
) -> list[list[float]]:
    """A judge's scores of responses to the prompt of each record.

    Args:
        judge: scores them.
        records: hold the prompts.
        responses: those of each record.
        done: called with the number of finished records.

    Returns:
        For each record one number for each response; NaN where the judge cannot score.

    Raises:
        PenchantError: the judge fails, or gives something else than numbers.
    """
    found = []
    for place, (record, own) in enumerate(zip(records, responses, strict=True), start=1):
        found.append(scored(judge, record, own) if own else [])
        if done is not None:
            done(place)
    return found
