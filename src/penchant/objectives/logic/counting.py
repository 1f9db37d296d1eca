"""Weighted model counting in log space, so that probabilities of whole responses do not underflow."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.numerics import log1mexp
from penchant.objectives.logic.propositions import ATOMS, FALSE, TRUE, Proposition

__all__ = ["log_count"]


def log_count(proposition: Proposition, log_probability: Mapping[str, Tensor]) -> Tensor:
    """The logarithm of the weighted model count (WMC) of a proposition.

    log WMC(F),   WMC(F) = Σ_{worlds of F} Π_{true atoms} p Π_{false atoms} (1 − p)

    It is expanded atom by atom, WMC(F) = p WMC(F | atom) + (1 − p) WMC(F | not atom). Atoms that the proposition does
    not depend on are skipped: the count of ``M(w)`` is exactly log p_w, whatever the loser's probability.

    Args:
        proposition: any proposition but the contradiction, whose count is 0.
        log_probability: [B] log p of each atom, nats, at most 0; atoms that do not occur in the proposition may be
            missing.

    Returns:
        [B], nats, at most 0 up to rounding; value and gradient are finite at log p = 0 and at −1e4.

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
        raise ConfigurationError("The formula is a contradiction: its weighted count is 0 and has no logarithm.")
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
