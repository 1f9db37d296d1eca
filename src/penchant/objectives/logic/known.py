"""Symbolic forms of published losses, by the id of the objective."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.logic.structures import Structure

__all__ = ["KNOWN", "KnownLoss", "known"]

#: Links that are non-increasing in ρ.
_DECREASING = {"logistic", "robust logistic", "hinge"}


@dataclass(frozen=True)
class KnownLoss:
    """A loss as link(ρ), with ρ = log(top / bottom).

    Args:
        id: id of the objective; some losses have no objective in this package.
        name: full name.
        top: a polynomial in p_w and p_l.
        bottom: a polynomial in p_w and p_l.
        link: how ρ becomes a loss, in words.
        reference: ``none``; ``model`` if ρ_ref of a frozen model is subtracted; ``manual`` if a constant is.
        remark: what the symbolic form leaves out.

    Example:
        >>> known("dpo").structure.rho
        'log p_w + log r_l − log p_l − log r_w'
    """

    id: str
    name: str
    top: str
    bottom: str
    link: str = "logistic"
    reference: str = "none"
    remark: str = ""

    @cached_property
    def base(self) -> Structure:
        """Its formulas about the policy, without reference."""
        return Structure.from_equation(self.top, self.bottom)

    @cached_property
    def structure(self) -> Structure:
        """Its formulas including the reference."""
        return self.base if self.reference == "none" else self.base.with_reference()

    @property
    def decreasing(self) -> bool:
        """Whether its link is non-increasing in ρ."""
        return self.link in _DECREASING


KNOWN: dict[str, KnownLoss] = {
    each.id: each
    for each in (
        KnownLoss("nll", "cross-entropy on the chosen response", "p_w", "1 - p_w"),
        KnownLoss("ce-unlikelihood", "cross-entropy and unlikelihood", "p_w * (1 - p_l)", "1 - p_w * (1 - p_l)"),
        KnownLoss(
            "asft",
            "Aligned Supervised Fine-Tuning",
            "p_w * (1 - p_l)",
            "1 - p_w * (1 - p_l)",
            remark="only the preference term, for b = 1; the likelihood of the chosen response is left out",
        ),
        KnownLoss(
            "cpo",
            "Contrastive Preference Optimization",
            "p_w",
            "p_l",
            remark="only the preference term; the likelihood of the chosen response is left out",
        ),
        KnownLoss(
            "orpo",
            "Odds Ratio Preference Optimization",
            "p_w * (1 - p_l)",
            "p_l * (1 - p_w)",
            remark="only the odds-ratio term; the likelihood of the chosen response is left out",
        ),
        KnownLoss("uncpo", "CPO without its condition", "p_w * p_l + 1 - p_l", "p_l * (1 - p_w)"),
        KnownLoss("rrhf", "Rank Responses to align with Human Feedback, two responses", "p_w", "p_l", "hinge"),
        KnownLoss(
            "slic-hf",
            "Sequence Likelihood Calibration",
            "p_w",
            "p_l",
            "hinge",
            remark="only the calibration term; the likelihood of the reference response is left out",
        ),
        KnownLoss("dpo", "Direct Preference Optimization", "p_w", "p_l", reference="model"),
        KnownLoss("cdpo", "conservative DPO", "p_w", "p_l", "smoothed logistic", "model"),
        KnownLoss("rdpo", "robust DPO", "p_w", "p_l", "robust logistic", "model"),
        KnownLoss("ipo", "Identity Preference Optimization", "p_w", "p_l", "squared", "model"),
        KnownLoss("slic-hinge", "Sequence Likelihood Calibration, log-ratios", "p_w", "p_l", "hinge", "model"),
        KnownLoss("spin", "Self-Play Fine-Tuning", "p_w", "p_l", reference="model"),
        KnownLoss("rso-sigmoid-norm", "RSO, logistic", "p_w", "p_l", reference="model"),
        KnownLoss("rso-hinge-norm", "RSO, hinge", "p_w", "p_l", "hinge", "model"),
        KnownLoss(
            "simpo",
            "Simple Preference Optimization",
            "p_w",
            "p_l",
            reference="manual",
            remark="r_w / r_l is the constant exp(γ / β), and log-probabilities are means per token",
        ),
    )
}


def known(name: str) -> KnownLoss:
    """The symbolic form of a loss.

    Args:
        name: the objective's id.

    Raises:
        ConfigurationError: no symbolic form is known for it; the message names the nearest id.

    Example:
        >>> known("orpo").structure.entails(known("uncpo").structure)
        True
    """
    if name not in KNOWN:
        raise ConfigurationError(
            f"There is no known symbolic form of {name!r}. {nearest(name, KNOWN)}", where="preference logic"
        )
    return KNOWN[name]
