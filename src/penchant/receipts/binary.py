"""Published cases of losses on single responses with binary labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.objectives.binary.kto import KTO
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["kto"]


@adapter("kto")
def kto(case: Case) -> dict[str, Any]:
    """KTO; the published name of the mismatched sequences and of the reference point is ``kl``; rewards are β (log π −
    log π_ref).

    Inputs are ``responses``, ``labels`` and ``kl``.
    """
    objective, inputs = KTO(**case.params), case.inputs
    views = {"responses": inputs["responses"], "mismatched": inputs["kl"] if "kl" in inputs else inputs["mismatched"]}
    found = evaluate_plainly(objective, {**views, "labels": inputs["labels"]})
    ratios = [sum(policy) - sum(reference) for policy, reference in zip(*_rows(inputs["responses"]), strict=True)]
    return {
        **found,
        "kl": found["reference_point"][0],
        "rewards": [objective.beta * ratio for ratio in ratios],
    }


def _rows(view: Mapping[str, Any]) -> tuple[list[list[float]], list[list[float]]]:
    return view["policy"], view["reference"]
