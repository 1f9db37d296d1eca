"""Published cases whose parameters select a form of a method; each form is a separate objective here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import ConfigurationError
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.registry import get
from penchant.receipts.cases import Case
from penchant.receipts.plain import in_our_terms

__all__ = ["build_form", "evaluated_form", "form_of"]


def form_of(case: Case, key: str, forms: Mapping[str, str]) -> str:
    """The objective that a parameter of a case selects; the id of the case if the parameter is absent.

    Args:
        case: any case.
        key: the parameter that selects the form, such as ``loss_type``.
        forms: the id of the objective by value of the parameter.

    Raises:
        ConfigurationError: the value is not a known form.

    Example:
        >>> form_of(Case("cpo", {"loss_type": "hinge"}, {}), "loss_type", {"hinge": "cpo-hinge"})
        'cpo-hinge'
    """
    named = case.params.get(key)
    if named is None:
        return case.method
    if named not in forms:
        raise ConfigurationError(
            f"There is no form {named!r}.",
            where=f"{key} of the case {case.name!r} of {case.method}",
            fix=f"Expected one of {', '.join(forms)}.",
        )
    return forms[named]


def build_form(case: Case, key: str, forms: Mapping[str, str]) -> Objective:
    """The objective that a case names; cases state the parameters of all forms, and each form takes its own.

    Args:
        case: any case.
        key: the parameter that selects the form.
        forms: the id of the objective by value of the parameter.

    Raises:
        ConfigurationError: the form is unknown, or a parameter belongs to none of the forms.
    """
    form = form_of(case, key, forms)
    own = _parameters(form)
    others = {key}.union(*map(_parameters, forms.values())) - own
    return build(form, **{name: value for name, value in case.params.items() if name not in others})


def evaluated_form(case: Case, key: str, forms: Mapping[str, str]) -> dict[str, Any]:
    """Evaluate the form that a case names.

    Args:
        case: any.
        key: the parameter that names the form.
        forms: the objective's id by the parameter's value.

    Raises:
        ConfigurationError: as `build_form`, or an input is missing or wrong.
    """
    return evaluate_plainly(build_form(case, key, forms), in_our_terms(case.inputs))


def _parameters(form: str) -> set[str]:
    return {each.name for each in get(form).hyperparameters()}
