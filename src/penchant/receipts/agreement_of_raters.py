"""Published cases of agreement between raters."""

from __future__ import annotations

from typing import Any

from penchant.evaluation.agreement.kappas import cohen_kappa, equal_votes, fleiss_kappa
from penchant.evaluation.agreement.krippendorff import krippendorff_alpha
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["cohen", "fleiss", "judge_agreement", "krippendorff"]


@adapter("krippendorff-alpha")
def krippendorff(case: Case) -> dict[str, Any]:
    """Krippendorff's α of a table of raters and items, null where a rating is missing."""
    if "units" in case.inputs:
        units = case.inputs["units"]
    else:
        units = [[each for each in item if each is not None] for item in zip(*case.inputs["ratings"], strict=True)]
    return {"alpha": krippendorff_alpha(units, case.params.get("level", "nominal"))}


@adapter("cohen-kappa")
def cohen(case: Case) -> dict[str, Any]:
    """Cohen's κ."""
    return {"kappa": cohen_kappa(case.inputs["rater_1"], case.inputs["rater_2"], case.params.get("weights"))}


@adapter("fleiss-kappa")
def fleiss(case: Case) -> dict[str, Any]:
    """Fleiss' κ."""
    return {"kappa": fleiss_kappa(case.inputs["counts"])}


@adapter("judge-agreement")
def judge_agreement(case: Case) -> dict[str, Any]:
    """Equal votes of two judges, or of the people among themselves."""
    first, second = case.params["judges"]
    equal, total = equal_votes(case.inputs["votes"], first, second, case.params.get("ban", ()))
    return {"agree": equal, "total": total}
