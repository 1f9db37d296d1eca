"""Weights of desirable and undesirable responses that balance the two classes."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge

from penchant.errors import ConfigurationError

__all__ = ["HIGHEST", "LOWEST", "ClassWeight", "balancing_weights", "known_weight"]

#: A weight, or ``auto``: a run then computes it from the labels of its training data.
ClassWeight: TypeAlias = Annotated[float, Ge(0)] | Literal["auto"]

#: The range of λ_D n_D / (λ_U n_U) that is published as balanced.
LOWEST, HIGHEST = 1.0, 4 / 3


def balancing_weights(
    counts: tuple[float, float], desirable: float | Literal["auto"], undesirable: float | Literal["auto"]
) -> tuple[float, float]:
    """The weights λ_D and λ_U with ``auto`` replaced, so that λ_D n_D / (λ_U n_U) lies in [1, 4/3].

    Only one weight changes: the one that is ``auto``, or, if both are, that of the rarer class. It stays 1 if the ratio
    lies in the range already; otherwise it moves the ratio to the nearer end of the range.

    Args:
        counts: n_D and n_U, the numbers of desirable and of undesirable responses (or the sums of their weights).
        desirable: λ_D, or ``auto``.
        undesirable: λ_U, or ``auto``.

    Returns:
        λ_D and λ_U.

    Raises:
        ConfigurationError: a weight is ``auto``, and a class is missing or the other weight is 0.

    Example:
        >>> balancing_weights((10, 90), "auto", 1.0), balancing_weights((90, 10), 1.0, "auto")
        ((9.0, 1.0), (1.0, 6.75))

    Reference:
        Ethayarajh, Xu, Muennighoff, Jurafsky, Kiela (2024), KTO: Model Alignment as Prospect Theoretic Optimization,
        section 4.3.
    """
    if "auto" not in (desirable, undesirable):
        return float(desirable), float(undesirable)
    good, bad = counts
    changes_good = desirable == "auto" and (undesirable != "auto" or good < bad)
    fixed = undesirable if changes_good else desirable
    other = 1.0 if fixed == "auto" else float(fixed)
    if not (good > 0 and bad > 0 and other > 0):
        name = "desirable_weight" if changes_good else "undesirable_weight"
        raise ConfigurationError(
            f"{name} is 'auto', but the training data have {good:g} desirable and {bad:g} undesirable responses"
            + ("." if other > 0 else ", and the other weight is 0."),
            why="It balances the two classes, so both are needed.",
            fix="Give it as a number, or add responses of the other class.",
        )
    # With λ = 1 for the weight that changes.
    ratio = good / (other * bad) if changes_good else other * good / bad
    wanted = min(max(ratio, LOWEST), HIGHEST)
    return (wanted / ratio, other) if changes_good else (other, ratio / wanted)


def known_weight(weight: float | Literal["auto"]) -> float:
    """The weight as a number.

    Raises:
        ConfigurationError: it is ``auto``, and nothing has replaced it.

    Example:
        >>> known_weight(2.0)
        2.0
    """
    if weight == "auto":
        raise ConfigurationError(
            "A class weight is 'auto', which a run computes from its training data; this loss has none.",
            fix="Give a number; `balancing_weights` computes it from the counts of both classes.",
        )
    return weight
