"""The builder ``teacher-choices``: how a teacher prefers several responses of a student, for distillation (PAD)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor

from penchant.curation.builder import Builder, Progress
from penchant.curation.edit_distance import far_apart
from penchant.curation.judging import JUDGE_WORDS, judges_of
from penchant.curation.rows import Built
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.kept import kept
from penchant.feedback.records import Record, as_text
from penchant.feedback.tools import template_columns

__all__ = ["TeacherChoices", "choice_scores"]

#: Probabilities below are raised to it, as in the published code.
FLOOR = 1e-8


def choice_scores(preferences: Tensor) -> list[float]:
    """A teacher's score of each response, from its choices between two.

    s_i = log (1 / (n − 1)) Σ_{j ≠ i} P(i ≻ j)

    Args:
        preferences: [n, n] probability that a response is better than another one, n ≥ 2.

    Returns:
        n numbers, at most 0.

    Example:
        >>> import torch
        >>> [round(math.exp(each), 3) for each in choice_scores(torch.tensor([[0.5, 0.8], [0.2, 0.5]]))]
        [0.8, 0.2]
    """
    count = len(preferences)
    rows = preferences.double().clamp(min=FLOOR).tolist()
    return [math.log(sum(row[:at] + row[at + 1 :]) / (count - 1)) for at, row in enumerate(rows)]


class TeacherChoices(Builder):
    """Rankings of a few different samples of each prompt, by a teacher's choices between two of them.

    For ``pad`` and ``pad-vanilla`` (Gu et al., 2025). Of the samples, ``keep`` are taken that are far from one another
    in edit distance; a prompt with fewer different samples is dropped. The teacher sees every pair in both orders; the
    score of a response is the logarithm of the mean probability with which it is chosen. ``penchant data build
    samples`` writes the samples.

    Example:
        >>> from penchant.feedback import read
        >>> prompts = read([{"prompt": "2 + 2", "samples": ["4", "5", "4"], "answer": "4"}])
        >>> built = TeacherChoices(judge="verifier rule=number", keep=2).build(prompts)
        >>> built.rows[0]["completions"], [round(each, 3) for each in built.rows[0]["scores"]]
        (['4', '5'], [-0.313, -1.313])

    Reference:
        Gu et al. (2025), Capturing Nuanced Preferences: Preference-Aligned Distillation for Small Language Models,
        arXiv:2502.14272.
    """

    id = "teacher-choices"
    reads = "records with samples, or rankings"
    writes = ("completions", "scores")

    judge: Annotated[str, f"the teacher: {JUDGE_WORDS}; pair_model,model=FOLDER asks a language model for A or B"]
    keep: Annotated[int, Ge(2), "number n of responses kept per prompt"] = 4
    device: Annotated[str, "device of a judge with a model"] = "cpu"

    def build(self, records: Iterable[Record]) -> Built:
        """Build the rankings."""
        return self.build_resumably(records, None, lambda *_: None)  # type: ignore[arg-type]

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Build with progress over the prompts.

        Raises:
            DataError: a record has neither samples nor completions.
            ConfigurationError: the judge does not compare responses.
        """
        every = kept(iter(records))
        (teacher,) = judges_of([self.judge], every, self.device)
        built = Built([])
        for done, record in enumerate(every, start=1):
            built.count("prompts read")
            texts = _samples(record)
            places = far_apart(texts, self.keep)
            if len(places) < self.keep:
                built.count(f"dropped: fewer than {self.keep} different samples")
                continue
            chosen = [texts[place] for place in places]
            table = teacher.compare(record.prompt, chosen)
            if not bool(table.isfinite().all()):
                raise ConfigurationError(
                    f"The judge {teacher.id} cannot compare the responses of a record.",
                    where=str(record.source),
                    fix="Choose a judge that can compare any two responses (pair_model), or remove the record.",
                )
            built.rows.append(_row(record, chosen, choice_scores(table)))
            progress(done, len(every), teacher.id)
        built.count("rankings", len(built.rows))
        return built


def _samples(record: Record) -> list[str]:
    """The texts among which responses are taken."""
    given = record.fields.get("samples")
    texts = list(given) if isinstance(given, list | tuple) else [as_text(each) for each in record.responses]
    if len(texts) < 2 or not all(isinstance(each, str) for each in texts):
        raise DataError(
            f"teacher-choices needs several responses to a prompt, but this {record.kind} has {len(texts)}.",
            where=str(record.source),
            fix="Draw them with `penchant data build samples --count 16`, or give 'samples': a list of texts.",
        )
    return texts


def _row(record: Record, texts: Sequence[str], scores: Sequence[float]) -> dict[str, Any]:
    extras = {
        name: value for name, value in record.fields.items() if name not in ("samples", "completion_fields", "steps")
    }
    return {
        "prompt": record.prompt,
        **extras,
        **template_columns(record),
        "completions": list(texts),
        "scores": list(scores),
    }
