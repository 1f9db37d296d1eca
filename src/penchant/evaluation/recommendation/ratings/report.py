"""Rating prediction by every predictor, for several shares of the training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penchant.evaluation.recommendation.ratings.baselines import (
    global_mean,
    item_mean,
    matrix_factorisation,
    user_mean,
)
from penchant.evaluation.recommendation.ratings.models import FineTuning, fine_tuned, prompted
from penchant.evaluation.recommendation.ratings.protocol import Split, rating_metrics

__all__ = ["rating_table"]


def rating_table(
    split: Split,
    load: Callable[[], Any],
    tokenizer: Any,
    *,
    shares: Sequence[float] = (0.1, 0.3, 1.0),
    shots: int = 3,
    epochs: int = 3,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Errors of all predictors of the protocol.

    Args:
        split: training data and tasks.
        load: gives a fresh copy of the language model; it is called for every predictor that trains.
        tokenizer: its tokenizer.
        shares: shares of the training data, each in (0, 1]; what needs no training data stands at a share of 0.
        shots: demonstrations of the few-shot prompt.
        epochs: of fine-tuning.
        learning_rate: of fine-tuning.
        seed: of fine-tuning.

    Returns:
        A row per predictor and share: ``predictor``, ``share``, ``RMSE``, ``MAE``, ``AUC``, and ``failures``, the share
        of answers without a number.

    Reference:
        Kang et al. (2023), Do LLMs Understand User Preferences?, arXiv:2305.06474.
    """
    rows = []

    def add(predictor: str, share: float, predicted: list[float], failures: float = 0.0) -> None:
        measured = rating_metrics(predicted, split.tasks)
        rows.append({"predictor": predictor, "share": share, **measured, "failures": failures})

    model = load()
    for name, number in (("zero-shot", 0), ("few-shot", shots)):
        answers = prompted(model, tokenizer, split, shots=number, seed=seed)
        add(name, 0.0, answers.predicted, answers.failures)
    add("user's past mean", 0.0, user_mean(split))
    for share in shares:
        part = split.part(share)
        add("global mean", share, global_mean(part))
        add("item mean", share, item_mean(part))
        add("matrix factorisation", share, matrix_factorisation(part, seed=seed))
        for head in ("classification", "regression"):
            plan = FineTuning(head=head, epochs=epochs, learning_rate=learning_rate, seed=seed)
            add(f"fine-tuned, {head}", share, fine_tuned(load(), tokenizer, part, plan))
    return rows
