"""What a preference loss says: which propositions it makes likely and unlikely, and how two losses relate."""

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
    """A statement (P), the worlds in which it is judged (P_C), and those in which it counts either way (P_A).

    F⁺ = (P or P_A) and P_C,   F⁻ = (not P or P_A) and P_C,   ρ = log WMC(F⁺) − log WMC(F⁻)

    Args:
        core: P, what is to become true.
        condition: P_C; outside it nothing counts.
        additive: P_A; within it both F⁺ and F⁻ hold.

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
        top: what the loss makes likely.
        bottom: what it makes unlikely; it may share worlds with ``top``.

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
        """Read the two polynomials of ρ = log(top / bottom).

        Raises:
            ConfigurationError: one of them is not the weighted count of a formula.
        """
        return cls(read_polynomial(top), read_polynomial(bottom))

    @classmethod
    def from_formulas(cls, top: str, bottom: str) -> Structure:
        """Read top and bottom as formulas.

        Raises:
            ConfigurationError: one of them is no formula.
        """
        return cls(read_formula(top), read_formula(bottom))

    @property
    def preference(self) -> PreferenceStructure:
        """The same as a statement with its conditions: P = bottom implies top, P_C = top or bottom, P_A = both."""
        return PreferenceStructure(
            self.bottom.implies(self.top),
            self.top | self.bottom,
            self.top & self.bottom,
        )

    @property
    def core_text(self) -> str:
        """P as text: the shortest formula, or the implication it comes from where that is as short."""
        short, parts = write_formula(self.preference.core), (write_formula(self.bottom), write_formula(self.top))
        if len(self.preference.core.atoms) > 2 and sum(map(atoms_written, parts)) <= atoms_written(short):
            return f"({parts[0]}) implies ({parts[1]})"
        return short

    @property
    def rho(self) -> str:
        """ρ as text, in the logarithms of probabilities."""
        up, down = log_text(self.top), log_text(self.bottom)
        text = " + ".join(up) if up else "0"
        return " − ".join([text, *down])

    @property
    def uses_reference(self) -> bool:
        """Whether it speaks of a reference."""
        return bool(set(self.top.atoms + self.bottom.atoms) - set(POLICY_ATOMS))

    def with_reference(self) -> Structure:
        """The same statement compared with what it says of the reference: ρ − ρ_ref.

        top′ = top(M) and bottom(R),   bottom′ = bottom(M) and top(R)

        Raises:
            ConfigurationError: it speaks of a reference already.
        """
        if self.uses_reference:
            raise ConfigurationError(
                "The formulas speak of the reference already, so it cannot be added once more.",
                fix="Write them with M(w) and M(l) alone, or leave reference=False.",
            )
        return Structure(self.top & self.bottom.of_reference(), self.bottom & self.top.of_reference())

    def entails(self, other: Structure) -> bool:
        """Whether ρ of this is at most ρ of the other for every model, by its worlds alone.

        Then any one decreasing f gives this the larger loss.
        """
        return self.top.entails(other.top) and other.bottom.entails(self.bottom)

    @property
    def is_preference(self) -> bool:
        """Whether "winner and not loser" is in top alone, and "loser and not winner" in bottom alone."""
        better, worse = read_formula("M(w) and not M(l)"), read_formula("M(l) and not M(w)")
        return (
            better.entails(self.top & ~self.bottom)
            and worse.entails(self.bottom & ~self.top)
            and self.top != self.bottom
        )


def all_structures(atoms: tuple[str, ...] = POLICY_ATOMS) -> Iterator[Structure]:
    """Every structure over some atoms: each world in top, in bottom, in both, or in neither.

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
