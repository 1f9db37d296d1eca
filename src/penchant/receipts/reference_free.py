"""Published cases of reference-free pairwise losses."""

from __future__ import annotations

from typing import Any

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.forms import build_form, form_of
from penchant.receipts.implicit_rewards import evaluate_with_rewards
from penchant.receipts.plain import in_our_terms, plain

__all__ = ["rationale_orpo", "separated"]


#: The objectives by published ``loss_type``.
CPO = {"sigmoid": "cpo", "hinge": "cpo-hinge", "ipo": "cpo-ipo", "simpo": "cpo-simpo"}
SIMPO = {"sigmoid": "simpo", "hinge": "simpo-hinge"}
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


@adapter("rationale-orpo", "rationale-orpo-simple")
def rationale_orpo(case: Case) -> dict[str, Any]:
    """Rationale-ORPO: the terms that the published trainer subtracts from the likelihood term, with opposite sign."""
    found = plain(case.method, {**case.params, "nll_weight": 0.0}, case.inputs)
    grad = {name: [[-each for each in row] for row in rows] for name, rows in found["grad"].items()}
    return {"losses": [-each for each in found["losses"]], "loss": -found["loss"], "grad": grad}
