"""`ScoredRows`: the result of scoring a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.forest.encoding import EncodedData

__all__ = ["ScoredRows"]


@dataclass(frozen=True)
class ScoredRows:
    """One row per record, in the order of the file.

    Args:
        rows: ``{"source", "responses": [{"logp", "mean_logp", "tokens", "logratio", "reward"}]}``.
        kind: kind of feedback; for comparisons the first response is the chosen one.
        cut: counts of truncated and dropped records.
    """

    rows: list[dict[str, Any]]
    kind: str
    cut: dict[str, Any]

    @staticmethod
    def collect(
        encoded: EncodedData, numbers: list[list[float]], reference: list[list[float]] | None, beta: float, kind: str
    ) -> ScoredRows:
        """Rows from log-probabilities under a model and optionally under a reference."""
        rows = []
        for place, example in enumerate(encoded.examples):
            responses = []
            for at, sequence in enumerate(example.views["responses"]):
                logp, tokens = numbers[place][at], sequence.length
                row: dict[str, Any] = {"logp": logp, "mean_logp": logp / tokens, "tokens": tokens}
                if reference is not None:
                    logratio = logp - reference[place][at]
                    row |= {"logratio": logratio, "reward": beta * logratio}
                responses.append(row)
            rows.append({"source": str(example.source), "responses": responses})
        return ScoredRows(rows, kind, encoded.cut.as_dict())

    def __len__(self) -> int:
        return len(self.rows)

    def summary(self) -> dict[str, float]:
        """Means over responses; for comparisons also accuracy (ties count half) and margin.

        ``accuracy/logp`` compares mean log-probabilities per token, ``accuracy/reward`` implicit rewards.
        """
        every = [response for row in self.rows for response in row["responses"]]
        result = {name: sum(each[name] for each in every) / len(every) for name in every[0]} if every else {}
        if self.kind in ("comparison", "joint comparison"):
            for name, key in (("logp", "mean_logp"), ("reward", "reward")):
                pairs = [row["responses"] for row in self.rows]
                if not pairs or key not in pairs[0][0]:
                    continue
                margins = [pair[0][key] - pair[1][key] for pair in pairs]
                wins = sum(1.0 if gap > 0 else 0.5 if gap == 0 else 0.0 for gap in margins)
                result[f"accuracy/{name}"] = wins / len(margins)
                result[f"margin/{name}"] = sum(margins) / len(margins)
        return result

    def write(self, path: str | Path) -> None:
        """Write the rows as JSONL.

        Raises:
            OutputError: the file cannot be written.
        """
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with Path(path).open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in self.rows)
        except OSError as error:
            raise OutputError(f"The scores cannot be written ({error.strerror or error}).", where=str(path)) from error
