"""Scores of partial or whole responses by a judge, for many prompts at once, checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.errors import ConfigurationError
from penchant.feedback.records import Prompt, Record, Text
from penchant.rewards.judge import Judge
from penchant.rewards.registry import build_judge
from penchant.rewards.scores import scored

__all__ = ["finite_scores", "needed_judge"]


def needed_judge(
    settings: Mapping[str, Any] | None, what: str, records: Sequence[Record] = (), device: Any = "cpu"
) -> Judge:
    """The judge that a method cannot do without.

    Args:
        settings: ``name`` and the judge's keys; None where none is given.
        what: the method, for the error: ``Best-of-n``.
        records: those that the judge reads, such as reference answers.
        device: of a reward model.

    Raises:
        ConfigurationError: no judge is named, or it never scores.
    """
    judge = None if settings is None else build_judge(settings, records, device)
    if judge is None:
        raise ConfigurationError(
            f"{what} needs a judge, and none is given.",
            where="judge",
            fix="Name one (`penchant list judges`): --judge reward_model judge.model=FOLDER, for example.",
        )
    return judge


def finite_scores(judge: Judge, prompt: Text | Record, responses: Sequence[str]) -> list[float]:
    """Scores of responses to one prompt; each different text is scored once.

    Args:
        judge: scores them.
        prompt: a prompt, or its record.
        responses: K texts.

    Returns:
        K numbers; −inf for a response that the judge cannot score.

    Raises:
        PenchantError: the judge fails, or its scores are not numbers.
    """
    record = prompt if isinstance(prompt, Record) else Prompt(prompt=prompt)
    different = list(dict.fromkeys(responses))
    given = dict(zip(different, scored(judge, record, different), strict=True))
    return [each if each == each else float("-inf") for each in (given[text] for text in responses)]
