"""Laws that the tests check for every method, and exemptions that a method may declare with a reason."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Exempt"]


@dataclass(frozen=True)
class Exempt:
    """Laws that do not hold for a method, each with its reason as a phrase; empty if the law holds.

    The tests check that each exempted law really fails, so an exemption cannot outlive its reason.

    Args:
        zero_margin: at zero margin all pairs have the same loss, and its gradient raises the chosen and lowers the
            rejected response.
        value_gradient: the gradient is the derivative of the loss's value.

    Example:
        >>> Exempt(zero_margin="longer responses cost more").reasons()
        {'zero_margin': 'longer responses cost more'}
    """

    zero_margin: str = ""
    value_gradient: str = ""

    def reasons(self) -> dict[str, str]:
        """The reason for each law that does not hold."""
        named = {each.name: str(getattr(self, each.name)) for each in fields(self)}
        return {law: reason for law, reason in named.items() if reason}
