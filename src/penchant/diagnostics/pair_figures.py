"""Figures of pairs computed from their log-probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.diagnostics.displacement import three_d_properties, undesirable_space
from penchant.diagnostics.length import length_exploitation
from penchant.diagnostics.ranking import Difficulty, alignment_gap, difficulty, idealized_accuracy, ranked_right
from penchant.evaluation.rows import ScoredRows

__all__ = ["column", "pair_figures"]


def pair_figures(
    rows: ScoredRows, shares: Tensor, *, beta: float, gamma: float, unseen: Tensor | None = None
) -> dict[str, float]:
    """All figures that need only the log-probabilities of pairs, by name.

    Args:
        rows: B comparisons, scored with a reference.
        shares: [B] share of annotators who prefer the chosen response.
        beta: the β of training.
        gamma: γ of the undesirable space.
        unseen: [U] log-probabilities of unseen responses, nats.
    """
    chosen, rejected = (
        {name: column(rows, name, side) for name in ("logp", "mean_logp", "logratio", "tokens")} for side in (0, 1)
    )
    before = chosen["logp"] - chosen["logratio"], rejected["logp"] - rejected["logratio"]
    per_token = before[0] / chosen["tokens"], before[1] / rejected["tokens"]
    policy, reference = chosen["logp"] - rejected["logp"], before[0] - before[1]
    ideal, hard = idealized_accuracy(reference, shares, beta), difficulty(policy, reference, beta)
    observed = {
        "model": ranked_right(chosen["logp"], rejected["logp"]),
        "model_mean": ranked_right(chosen["mean_logp"], rejected["mean_logp"]),
        "reference": ranked_right(*before),
        "reference_mean": ranked_right(*per_token),
    }
    space = undesirable_space(chosen["mean_logp"] - rejected["mean_logp"], per_token[0] - per_token[1], gamma)
    moved = three_d_properties(chosen["logp"], rejected["logp"], chosen["logratio"], unseen)
    # Ranked by β · log π/π_ref; a positive β changes no order.
    sides = [(chosen[name].tolist(), rejected[name].tolist()) for name in ("tokens", "logratio")]
    figures = _ranking(observed, ideal, hard) | length_exploitation(*sides[0], *sides[1]).figures()
    return figures | {f"space/{k}": v for k, v in space.items()} | {f"3d/{k}": v for k, v in moved.items()}


def _ranking(observed: Mapping[str, Tensor], ideal: Tensor, hard: Difficulty) -> dict[str, float]:
    """The figures of ranking: accuracy, ideal accuracy, and difficulty."""
    values = {**observed, "ideal": ideal, "loss": hard.loss, "flippable": hard.flippable.double()}
    figures = {f"ranking/{name}": float(each.mean()) for name, each in values.items()}
    if not bool(hard.right.all()):
        figures["ranking/threshold"] = float(hard.threshold[~hard.right].median())
    figures["ranking/alignment_gap"] = alignment_gap(ideal, observed["model"])
    return figures


def column(rows: ScoredRows, name: str, side: int | None = None) -> Tensor:
    """A number of every response, or of response ``side`` of every record."""
    taken = [row["responses"] if side is None else [row["responses"][side]] for row in rows.rows]
    return torch.tensor([each[name] for responses in taken for each in responses], dtype=torch.float64)
