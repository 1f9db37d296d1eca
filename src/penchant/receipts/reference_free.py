"""Published cases of reference-free pairwise losses."""

from __future__ import annotations

from typing import Any

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.forms import build_form, evaluated_form, form_of
from penchant.receipts.implicit_rewards import evaluate_with_rewards
from penchant.receipts.plain import in_our_terms, plain

__all__ = ["poft", "rationale_orpo", "separated", "triple"]


#: The objectives by published ``loss_type``.
CPO = {"sigmoid": "cpo", "hinge": "cpo-hinge", "ipo": "cpo-ipo", "simpo": "cpo-simpo"}
SIMPO = {"sigmoid": "simpo", "hinge": "simpo-hinge"}
TRIPLE = {
    "sigmoid": "tpo-triple",
    "hinge": "tpo-triple-hinge",
    "ipo": "tpo-triple-ipo",
    "tpo-l": "tpo-triple-l",
    "simpo": "tpo-triple-l",
}
#: These tables by the id of the case.
FORMS = dict.fromkeys(CPO.values(), CPO) | dict.fromkeys(SIMPO.values(), SIMPO)


def _form(case: Case) -> str:
    return form_of(case, "loss_type", FORMS[case.method])


@adapter(*FORMS, evaluates=_form)
def separated(case: Case) -> dict[str, Any]:
    """The preference loss of each pair, the likelihood of the chosen responses apart, and the rewards.

    losses = the statistic ``preference``,   nll_loss = mean of the statistic ``nll``,   loss = the total
    """
    objective = build_form(case, "loss_type", FORMS[case.method])
    published = {"chosen": "chosen_rewards", "rejected": "rejected_rewards"}
    found = evaluate_with_rewards(objective, in_our_terms(case.inputs), published)
    nll = found.pop("nll")
    return found | {"losses": found.pop("preference"), "nll_loss": sum(nll) / len(nll)}


@adapter(
    "tpo-triple",
    "tpo-triple-hinge",
    "tpo-triple-ipo",
    "tpo-triple-l",
    evaluates=lambda case: form_of(case, "loss_type", TRIPLE),
)
def triple(case: Case) -> dict[str, Any]:
    """Triple preference losses of each pair, with the likelihood of the gold responses apart."""
    found = evaluated_form(case, "loss_type", TRIPLE)
    nll = found.pop("gold_nll")
    return found | {"losses": found.pop("preference"), "gold_nll": sum(nll) / len(nll)}


@adapter("poft")
def poft(case: Case) -> dict[str, Any]:
    """PoFT, with the mean over the aligned models given instead of each model's number."""
    if "responses" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    means = [[mean] for mean in case.inputs["mean_aligned_llm_logp"]]
    found = plain(case.method, case.params, {"chosen": case.inputs["responses"], "chosen_sources": means})
    return found | {"grad": {"responses.policy": found["grad"]["chosen.policy"]}}


@adapter("rationale-orpo", "rationale-orpo-simple")
def rationale_orpo(case: Case) -> dict[str, Any]:
    """Rationale-ORPO: the terms that the published trainer subtracts from the likelihood term, with opposite sign."""
    found = plain(case.method, {**case.params, "nll_weight": 0.0}, case.inputs)
    grad = {name: [[-each for each in row] for row in rows] for name, rows in found["grad"].items()}
    return {"losses": [-each for each in found["losses"]], "loss": -found["loss"], "grad": grad}
