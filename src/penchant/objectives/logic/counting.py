"""Weighted model counting in the space of logarithms, so that probabilities of whole responses do not underflow."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.numerics import log1mexp
from penchant.objectives.logic.propositions import ATOMS, FALSE, TRUE, Proposition

__all__ = ["log_count"]


def log_count(proposition: Proposition, log_probability: Mapping[str, Tensor]) -> Tensor:
    """The logarithm of the weighted count of a proposition.

    log WMC(F),   WMC(F) = Σ_{worlds of F} Π_{true atoms} p Π_{false atoms} (1 − p)

    It is taken atom by atom, WMC(F) = p WMC(F | atom) + (1 − p) WMC(F | not atom), and an atom on which nothing depends
    is passed over: the count of ``M(w)`` is exactly log p_w, whatever the loser's probability.

    Args:
        proposition: not the contradiction, whose count has no logarithm.
        log_probability: [B] log p of each atom, nats, at most 0; those that the proposition does not name may lack.

    Returns:
        [B], nats, at most 0 but for rounding; finite with its gradient at log p = 0 and at −1e4.

    Raises:
        ConfigurationError: the proposition holds in no world.

    Example:
        >>> from penchant.objectives.logic.reading import read_formula
        >>> half = torch.tensor([0.5], dtype=torch.float64).log()
        >>> log_count(read_formula("M(l) implies M(w)"), {"M(w)": half, "M(l)": half}).exp()
        tensor([0.7500], dtype=torch.float64)

    Reference:
        Xu, Zhang, Friedman, Liang, Van den Broeck (2018), A Semantic Loss Function for Deep Learning with Symbolic
        Knowledge.
    """
    if proposition == FALSE:
        raise ConfigurationError("A contradiction holds in no world: its count is 0 and has no logarithm.")
    if proposition == TRUE:
        return torch.zeros_like(next(iter(log_probability.values())))
    name = next(each for each in ATOMS if each in proposition.atoms)
    branches = []
    for value, weight in ((True, log_probability[name]), (False, log1mexp(log_probability[name]))):
        rest = proposition.where(name, value)
        if rest == TRUE:
            branches.append(weight)
        elif rest != FALSE:
            branches.append(weight + log_count(rest, log_probability))
    return branches[0] if len(branches) == 1 else torch.logaddexp(*branches)
