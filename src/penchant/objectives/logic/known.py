"""The symbolic forms of published losses, by the id of the objective."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.logic.structures import Structure

__all__ = ["KNOWN", "KnownLoss", "known"]

#: Links that never increase with ρ: under one of them a larger ρ is never a larger loss.
_DECREASING = {"logistic", "robust logistic", "hinge"}


@dataclass(frozen=True)
class KnownLoss:
    """A loss as link(ρ), with ρ = log(top / bottom).

    Args:
        id: of the objective; it may stand for a loss that this package does not train.
        name: in full.
        top: a polynomial in p_w and p_l.
        bottom: another.
        link: how ρ becomes a loss, in words.
        reference: ``none``; ``model``, where ρ_ref of a frozen model is subtracted; ``manual``, where a constant is.
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
        """What it says of the policy alone."""
        return Structure.from_equation(self.top, self.bottom)

    @cached_property
    def structure(self) -> Structure:
        """What it says, the reference included."""
        return self.base if self.reference == "none" else self.base.with_reference()

    @property
    def decreasing(self) -> bool:
        """Whether its link never increases with ρ."""
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
            remark="its preference term for b = 1, beside the likelihood of the chosen response",
        ),
        KnownLoss(
            "cpo",
            "Contrastive Preference Optimization",
            "p_w",
            "p_l",
            remark="its preference term, beside the likelihood of the chosen response",
        ),
        KnownLoss(
            "orpo",
            "Odds Ratio Preference Optimization",
            "p_w * (1 - p_l)",
            "p_l * (1 - p_w)",
            remark="its odds-ratio term, beside the likelihood of the chosen response",
        ),
        KnownLoss("uncpo", "CPO without its condition", "p_w * p_l + 1 - p_l", "p_l * (1 - p_w)"),
        KnownLoss("rrhf", "Rank Responses to align with Human Feedback, two responses", "p_w", "p_l", "hinge"),
        KnownLoss(
            "slic-hf",
            "Sequence Likelihood Calibration",
            "p_w",
            "p_l",
            "hinge",
            remark="its calibration term, beside the likelihood of the reference response",
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
        ConfigurationError: no symbolic form is known for it; the nearest id is named.

    Example:
        >>> known("orpo").structure.entails(known("uncpo").structure)
        True
    """
    if name not in KNOWN:
        raise ConfigurationError(
            f"No symbolic form of a loss {name!r} is known. {nearest(name, KNOWN)}", where="preference logic"
        )
    return KNOWN[name]
