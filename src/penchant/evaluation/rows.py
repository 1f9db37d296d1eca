"""`ScoredRows`: the result of scoring a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.evaluation.score_summary import agreement, means
from penchant.feedback.collection import Feedback
from penchant.feedback.conversion.ties import is_tie
from penchant.feedback.kept import Kept, kept
from penchant.feedback.records import Judgement
from penchant.forest.example import EncodedData
from penchant.targets import claim_file
from penchant.writing import write_rows

__all__ = ["ScoredRows"]


@dataclass(frozen=True)
class ScoredRows:
    """One row per record, in the order of the file.

    Args:
        rows: ``{"source", "responses": [{"logp", "mean_logp", "tokens", "logratio", "reward"}]}``; a judgement has its
            ``label`` too, a comparison without a preference ``tie``, a response of a ranking its ``score`` or ``rank``.
        kind: kind of feedback; for comparisons the first response is the chosen one.
        cut: counts of truncated and dropped records.
    """

    rows: Sequence[dict[str, Any]]
    kind: str
    cut: dict[str, Any]

    @staticmethod
    def collect(
        encoded: EncodedData,
        numbers: Sequence[list[float]],
        reference: Sequence[list[float]] | None,
        beta: float,
        feedback: Feedback,
    ) -> ScoredRows:
        """Rows from log-probabilities under a model and optionally under a reference; ``feedback`` was encoded."""
        rows: Kept[dict[str, Any]] = Kept()
        for place, example in enumerate(encoded.examples):
            responses = []
            for at, sequence in enumerate(example.views["responses"]):
                logp, tokens = numbers[place][at], sequence.length
                row: dict[str, Any] = {"logp": logp, "mean_logp": logp / tokens, "tokens": tokens}
                if reference is not None:
                    logratio = logp - reference[place][at]
                    row |= {"logratio": logratio, "reward": beta * logratio}
                responses.append(row)
            record = feedback[encoded.records[place]]
            for name in ("score", "rank"):
                for row, value in zip(responses, getattr(record, f"{name}s", None) or (), strict=False):
                    row[name] = value
            label: dict[str, Any] = {"label": record.label} if isinstance(record, Judgement) else {}
            if is_tie(record):
                label["tie"] = True
            rows.append({"source": str(example.source), **label, "responses": responses})
        return ScoredRows(kept(rows), feedback.kind, encoded.cut.as_dict())

    def __len__(self) -> int:
        return len(self.rows)

    def summary(self) -> dict[str, float]:
        """Means over responses, and how well they agree with the feedback (`penchant.evaluation.score_summary`).

        For comparisons and rankings the accuracy (ties count half), for comparisons also the margin, for judgements
        the means of each label. ``accuracy/logp`` compares mean log-probabilities per token, ``accuracy/reward``
        implicit rewards.
        """
        return means(self.rows) | agreement(self.rows, self.kind)

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the rows as JSONL, whole or not at all.

        Args:
            path: the file.
            overwrite: it may be replaced.

        Raises:
            OutputError: the file already exists, or cannot be written.
        """
        claim_file(path, option="path", overwrite=overwrite)
        write_rows(path, self.rows, "The scores", ascii_only=True)
