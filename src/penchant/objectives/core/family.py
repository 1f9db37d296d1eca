"""The family of a method, read from what its signature asks for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from penchant.objectives.functional.heads import Head

if TYPE_CHECKING:
    from penchant.objectives.core.objective import Objective

__all__ = ["DECLARED", "FAMILIES", "WRAPPERS", "SignatureFamily", "family_of", "folder_of"]

#: The family of what is written around another objective.
WRAPPERS = "wrappers"
#: Families that no signature shows: a class declares them with ``family = "…"``.
DECLARED = ("diffusion", "logic", "recommendation", WRAPPERS)
#: Every family with what its methods have in common; those that a signature shows first, in the order of the rules.
FAMILIES: dict[str, str] = {
    "unlearning": "a view of responses to forget",
    "reward-models": "a head that gives a response its reward",
    "policy-gradient": "an advantage of each response",
    "binary": "a label of each response, good or bad",
    "listwise": "scores or ranks of several responses to a prompt",
    "token-level": "statistics, hidden states or fields of single tokens",
    "reference-free": "a pair or a demonstration, without a reference",
    "pairwise": "a pair and a reference",
    "diffusion": "denoisers alone",
    "logic": "compiled from a formula",
    "recommendation": "items for a user",
    WRAPPERS: "around another objective",
}


@cache  # what a class asks for does not change
def family_of(cls: type[Objective]) -> str:
    """The family that the signature of a method shows, with default hyper-parameters.

    The first rule that holds gives it: a view ``forget`` (unlearning), a part ``reward_head`` (reward models), a field
    ``advantage`` (policy gradient), a field ``label`` (binary), ``scores`` or ``ranks`` over a view ``responses``
    (listwise), statistics per token, hidden states or fields called ``token_…`` (token level), no reference (reference
    free), and otherwise pairwise.

    Args:
        cls: the method's class.

    Example:
        >>> from penchant.objectives import DPO, GRPO, NLL
        >>> family_of(DPO), family_of(NLL), family_of(GRPO)
        ('pairwise', 'reference-free', 'policy-gradient')
    """
    built = cls()
    wanted = built.requirements
    needs, views, fields = wanted.needs, set(wanted.views), set(wanted.fields)
    rules = {
        "unlearning": "forget" in views,
        "reward-models": isinstance(getattr(built, "reward_head", None), Head),
        "policy-gradient": "advantage" in fields,
        "binary": "label" in fields,
        "listwise": "responses" in views and bool({"scores", "ranks"} & fields),
        "token-level": bool(needs.stats) or needs.hidden or any(each.startswith("token_") for each in fields),
        "reference-free": not needs.reference,
    }
    return next((family for family, holds in rules.items() if holds), "pairwise")


def folder_of(family: str) -> str:
    """The folder of ``penchant.objectives`` in which a family's methods lie.

    Example:
        >>> folder_of("reference-free")
        'reference_free'
    """
    return family.replace("-", "_")


class SignatureFamily:
    """The attribute ``family`` of classes that do not declare one: `family_of` of the class."""

    def __get__(self, objective: Objective | None, cls: type[Objective]) -> str:
        return family_of(cls)  # type: ignore[arg-type]  # a class has a hash, whatever its instances have
