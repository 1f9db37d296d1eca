"""Structures of preference losses: the propositions that a loss makes likely and unlikely, and how losses relate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penchant.errors import ConfigurationError
from penchant.objectives.logic.equations import read_polynomial
from penchant.objectives.logic.propositions import (
    FALSE,
    POLICY_ATOMS,
    TRUE,
    Proposition,
    from_worlds,
)
from penchant.objectives.logic.reading import read_formula
from penchant.objectives.logic.writing import atoms_written, log_text, write_formula

__all__ = ["PreferenceStructure", "Structure", "all_structures"]


@dataclass(frozen=True)
class PreferenceStructure:
    """A statement (P), the worlds in which it counts (P_C), and those that count for both sides (P_A).

    F⁺ = (P or P_A) and P_C,   F⁻ = (not P or P_A) and P_C,   ρ = log WMC(F⁺) − log WMC(F⁻)

    Args:
        core: P, the statement to make true.
        condition: P_C; worlds outside it do not count.
        additive: P_A; its worlds belong to both F⁺ and F⁻.

    Example:
        >>> statement = PreferenceStructure(read_formula("M(l) implies M(w)"))
        >>> statement.structure.rho
        'log(1 − p_l (1 − p_w)) − log p_l − log(1 − p_w)'

    Reference:
        Richardson, Srikumar, Sabharwal (2024), Understanding the Logic of Direct Preference Alignment through Logic.
    """

    core: Proposition
    condition: Proposition = TRUE
    additive: Proposition = FALSE

    @property
    def structure(self) -> Structure:
        """F⁺ and F⁻ as top and bottom."""
        return Structure(
            (self.core | self.additive) & self.condition,
            (~self.core | self.additive) & self.condition,
        )


@dataclass(frozen=True)
class Structure:
    """A loss equation's numerator and denominator, read as propositions: loss = f(ρ).

    ρ = log WMC(top) − log WMC(bottom),   f decreasing

    Args:
        top: the proposition that the loss makes likely.
        bottom: the proposition that it makes unlikely; it may share worlds with ``top``.

    Example:
        >>> orpo = Structure.from_equation("p_w * (1 - p_l)", "p_l * (1 - p_w)")
        >>> cpo = Structure.from_equation("p_w", "p_l")
        >>> write_formula(orpo.preference.core), write_formula(orpo.preference.condition), orpo.entails(cpo)
        ('M(l) implies M(w)', 'M(w) xor M(l)', False)

    Reference:
        Richardson, Srikumar, Sabharwal (2024), Understanding the Logic of Direct Preference Alignment through Logic.
    """

    top: Proposition
    bottom: Proposition

    @classmethod
    def from_equation(cls, top: str, bottom: str) -> Structure:
        """Parse the two polynomials of ρ = log(top / bottom).

        Raises:
            ConfigurationError: a polynomial is not the weighted count of a formula.
        """
        return cls(read_polynomial(top), read_polynomial(bottom))

    @classmethod
    def from_formulas(cls, top: str, bottom: str) -> Structure:
        """Parse top and bottom as formulas.

        Raises:
            ConfigurationError: one of them is not a formula.
        """
        return cls(read_formula(top), read_formula(bottom))

    @property
    def preference(self) -> PreferenceStructure:
        """The equivalent statement with its conditions: P = bottom implies top, P_C = top or bottom, P_A = both."""
        return PreferenceStructure(
            self.bottom.implies(self.top),
            self.top | self.bottom,
            self.top & self.bottom,
        )

    @property
    def core_text(self) -> str:
        """P as text: the shortest formula, or the original implication if that is equally short."""
        short, parts = write_formula(self.preference.core), (write_formula(self.bottom), write_formula(self.top))
        if len(self.preference.core.atoms) > 2 and sum(map(atoms_written, parts)) <= atoms_written(short):
            return f"({parts[0]}) implies ({parts[1]})"
        return short

    @property
    def rho(self) -> str:
        """ρ as text, in logarithms of probabilities."""
        up, down = log_text(self.top), log_text(self.bottom)
        text = " + ".join(up) if up else "0"
        return " − ".join([text, *down])

    @property
    def uses_reference(self) -> bool:
        """Whether it contains atoms of the reference."""
        return bool(set(self.top.atoms + self.bottom.atoms) - set(POLICY_ATOMS))

    def with_reference(self) -> Structure:
        """The same structure relative to the reference: ρ − ρ_ref.

        top′ = top(M) and bottom(R),   bottom′ = bottom(M) and top(R)

        Raises:
            ConfigurationError: it already contains atoms of the reference.
        """
        if self.uses_reference:
            raise ConfigurationError(
                "The formulas already contain the reference, so it cannot be added again.",
                fix="Use only M(w) and M(l), or set reference=False.",
            )
        return Structure(self.top & self.bottom.of_reference(), self.bottom & self.top.of_reference())

    def entails(self, other: Structure) -> bool:
        """Whether ρ of this is at most ρ of the other for every model, decided by the worlds. Then this has the larger
        loss under any decreasing f.
        """
        return self.top.entails(other.top) and other.bottom.entails(self.bottom)

    @property
    def is_preference(self) -> bool:
        """Whether "winner and not loser" is in top only, and "loser and not winner" in bottom only."""
        better, worse = read_formula("M(w) and not M(l)"), read_formula("M(l) and not M(w)")
        return (
            better.entails(self.top & ~self.bottom)
            and worse.entails(self.bottom & ~self.top)
            and self.top != self.bottom
        )


def all_structures(atoms: tuple[str, ...] = POLICY_ATOMS) -> Iterator[Structure]:
    """All structures over the given atoms: each world is in top, in bottom, in both, or in neither.

    There are 4^(2ⁿ): 256 for two atoms, 4.3·10⁹ for four.

    Args:
        atoms: n atoms.

    Example:
        >>> len(set(all_structures()))
        256
    """
    sets = 2**2 ** len(atoms)
    for top in range(sets):
        for bottom in range(sets):
            yield Structure(from_worlds(atoms, top), from_worlds(atoms, bottom))
