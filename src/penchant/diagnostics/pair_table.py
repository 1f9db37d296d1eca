"""The difficulty of every pair: a row of numbers each, and the responses themselves."""

from __future__ import annotations

from typing import Any

from penchant.diagnostics.pair_figures import column
from penchant.diagnostics.ranking import difficulty
from penchant.evaluation.rows import ScoredRows
from penchant.feedback.collection import Feedback
from penchant.feedback.records import as_text

__all__ = ["pair_table", "texts_of"]


def pair_table(rows: ScoredRows, beta: float) -> list[dict[str, Any]]:
    """One row per pair, in the order of the file, as JSON values.

    ``source``: file and line; ``tokens_chosen``, ``tokens_rejected``; ``reference_margin``, ``policy_margin``:
    log π(y_w) − log π(y_l), nats; ``chosen_change``, ``rejected_change``: log π/π_ref of each response, nats; ``loss``
    of DPO, and the ``threshold`` below which the pair is ranked right, nats; ``right``, ``flippable``: see
    `Difficulty`.

    Args:
        rows: B comparisons, scored with a reference.
        beta: the β of training.
    """
    tokens, logp, change = ([column(rows, name, side) for side in (0, 1)] for name in ("tokens", "logp", "logratio"))
    policy = logp[0] - logp[1]
    reference = policy - (change[0] - change[1])
    found = difficulty(policy, reference, beta)
    columns = {
        "source": [row["source"] for row in rows.rows],
        "tokens_chosen": tokens[0].long().tolist(),
        "tokens_rejected": tokens[1].long().tolist(),
        "reference_margin": reference.tolist(),
        "policy_margin": policy.tolist(),
        "chosen_change": change[0].tolist(),
        "rejected_change": change[1].tolist(),
        "loss": found.loss.tolist(),
        "threshold": found.threshold.tolist(),
        "right": found.right.tolist(),
        "flippable": found.flippable.tolist(),
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def texts_of(feedback: Feedback) -> dict[str, dict[str, str]]:
    """Prompt, chosen and rejected response of every comparison, by its source."""
    return {
        str(record.source): {
            "prompt": as_text(record.prompt),
            "chosen": as_text(record.responses[0]),
            "rejected": as_text(record.responses[1]),
        }
        for record in feedback
    }
