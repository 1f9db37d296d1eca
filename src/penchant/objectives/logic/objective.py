"""LogicLoss: an objective compiled from logical formulas about the two responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Gt
from torch import Tensor, relu

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import squared
from penchant.objectives.logic.counting import log_count
from penchant.objectives.logic.propositions import FALSE
from penchant.objectives.logic.reading import read_formula
from penchant.objectives.logic.structures import PreferenceStructure, Structure
from penchant.objectives.logic.writing import write_formula

__all__ = ["LogicLoss", "compile_structure"]


class LogicLoss(Objective):
    """A loss compiled from propositional logic (Richardson, Srikumar, Sabharwal, 2024).

    loss = f(ρ),   ρ = log WMC(top) − log WMC(bottom),   f(ρ) = −log σ(β ρ) for ``logistic``

    The atoms M(w), M(l) state that the policy accepts the chosen (w), the rejected (l) response as valid; R(w), R(l)
    state the same of the reference. The weight of an atom is the response's probability p = exp(log π(y|x)), that of
    its negation is 1 − p, and WMC(F) is the sum over the worlds of F of the products of weights. Other links:
    ``squared`` (ρ − 1 / (2 β))², ``hinge`` max(0, β − ρ), ``perceptron`` max(0, −ρ). The default formulas are those of
    ORPO's odds-ratio term.

    A single ``formula`` P, the statement to make true, may replace ``top`` and ``bottom``, with ``condition`` P_C and
    ``additive`` P_A: top = (P or P_A) and P_C, bottom = (not P or P_A) and P_C. With ``reference`` the same ρ of the
    reference is subtracted. Whole responses have probabilities so close to 0 that "not" carries no information;
    therefore probabilities are means per token, exp(log π(y|x) / |y|), unless ``average`` is off. Near p = 1, log(1 −
    p) is clamped to the logarithm of one machine epsilon.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> LogicLoss(top="M(w) and not M(l)", bottom="M(l) and not M(w)")(chosen=equal, rejected=equal).values
        tensor([0.6931])
        >>> LogicLoss(formula="M(l) implies M(w)").rho
        'log(1 − p_l (1 − p_w)) − log p_l − log(1 − p_w)'

    Reference:
        Richardson, Srikumar, Sabharwal (2024), Understanding the Logic of Direct Preference Alignment through Logic.
    """

    id = "logic"
    family = "logic"
    paper = "arXiv:2412.17696"
    evidence = PAPER

    top: Annotated[str, "formula that the loss makes likely"] = "M(w) and not M(l)"
    bottom: Annotated[str, "formula that the loss makes unlikely"] = "M(l) and not M(w)"
    formula: Annotated[str | None, "statement P to make true, instead of top and bottom"] = None
    condition: Annotated[str | None, "condition P_C under which the statement counts; absent: always"] = None
    additive: Annotated[str | None, "formula P_A whose worlds count for both top and bottom; absent: none"] = None
    reference: Annotated[bool, "subtract the reference's ρ; needs a reference model"] = False
    link: Annotated[Literal["logistic", "squared", "hinge", "perceptron"], "how ρ becomes a loss"] = "logistic"
    beta: Annotated[float, Gt(0), "scale of ρ (logistic), half the inverse of its target (squared), margin (hinge)"] = (
        1.0
    )
    average: Annotated[bool, "probabilities per token (geometric mean) instead of those of whole responses"] = True

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        given = self._read()
        self.structure = given.with_reference() if self.reference else given
        for name, side in (("top", self.structure.top), ("bottom", self.structure.bottom)):
            if side == FALSE:
                raise self._wrong(f"The {name} is a contradiction, so its probability is always 0.")
        if self.structure.top == self.structure.bottom:
            raise self._wrong("Top and bottom are equivalent, so the loss is constant.")
        self.needs = Needs(reference=self.structure.uses_reference)

    def _read(self) -> Structure:
        if self.formula is None:
            if self.condition is not None or self.additive is not None:
                raise self._wrong("'condition' and 'additive' need 'formula', which is not given.")
            return Structure.from_formulas(self.top, self.bottom)
        if (self.top, self.bottom) != (LogicLoss.top, LogicLoss.bottom):
            raise self._wrong("'formula' is given together with 'top' or 'bottom', which it replaces.")
        statement = PreferenceStructure(
            read_formula(self.formula),
            read_formula(self.condition or "true"),
            read_formula(self.additive or "false"),
        )
        return statement.structure

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            what,
            where="objective logic",
            fix="Give either top and bottom, or formula; see 'penchant methods logic'.",
        )

    @property
    def rho(self) -> str:
        """ρ as text, in logarithms of probabilities."""
        return self.structure.rho

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair and its ρ, [B]."""
        atoms = {"M(w)": self._policy(chosen), "M(l)": self._policy(rejected)}
        if self.needs.reference:
            atoms |= {"R(w)": self._reference(chosen), "R(l)": self._reference(rejected)}
        rho = log_count(self.structure.top, atoms) - log_count(self.structure.bottom, atoms)
        if self.link == "logistic":
            return -logsigmoid(self.beta * rho), {"rho": rho}
        if self.link == "squared":
            return squared(rho, self.beta), {"rho": rho}
        return relu((self.beta if self.link == "hinge" else 0.0) - rho), {"rho": rho}

    def rewards(self, view: Scored) -> Tensor:
        """β log p of each response, minus that of the reference if there is one, [R], without gradient."""
        if self.needs.reference:
            return (self.beta * (view.mean_logratio if self.average else view.logratio)).detach()
        return (self.beta * self._policy(view)).detach()

    def _policy(self, view: Scored) -> Tensor:
        return view.mean_logp if self.average else view.logp

    def _reference(self, view: Scored) -> Tensor:
        return view.mean_ref_logp if self.average else view.ref_logp


def compile_structure(structure: Structure, **hyper: Any) -> LogicLoss:
    """Compile a structure into an objective.

    Args:
        structure: top and bottom.
        hyper: ``link``, ``beta``, ``average``, ``reference``.

    Raises:
        ConfigurationError: top or bottom is a contradiction, or the two are equivalent.

    Example:
        >>> from penchant.objectives.logic.known import known
        >>> compile_structure(known("cpo").structure, beta=0.1).rho
        'log p_w − log p_l'
    """
    return LogicLoss(top=write_formula(structure.top), bottom=write_formula(structure.bottom), **hyper)
