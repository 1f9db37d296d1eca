"""The family of a method, derived from its signature."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from torch.nn import Module

if TYPE_CHECKING:
    from penchant.objectives.core.objective import Objective
    from penchant.objectives.core.requirements import Needs

__all__ = ["DECLARED", "FAMILIES", "WRAPPERS", "SignatureFamily", "family_of", "folder_of"]

#: The family of wrappers.
WRAPPERS = "wrappers"
#: Families that cannot be derived from a signature: a class declares them with ``family = "…"``.
DECLARED = ("diffusion", "logic", "recommendation", WRAPPERS)
#: Every family with what its methods have in common; first those derived from signatures, in the order of the rules.
FAMILIES: dict[str, str] = {
    "unlearning": "responses to forget",
    "reward-models": "a head that predicts the reward of a response",
    "policy-gradient": "an advantage for each response",
    "binary": "a good or bad label for each response",
    "listwise": "scores or ranks of several responses per prompt",
    "token-level": "per-token statistics, hidden states or fields",
    "reference-free": "a pair or a demonstration, without a reference",
    "pairwise": "a pair and a reference",
    "diffusion": "specific to denoisers",
    "logic": "compiled from a logical formula",
    "recommendation": "items recommended to a user",
    WRAPPERS: "transforms another objective",
}


@cache  # the requirements of a class do not change
def family_of(cls: type[Objective]) -> str:
    """The family of a method, derived from its signature with default hyper-parameters.

    The first matching rule decides: a view of what to forget or to retain (unlearning), a part ``reward_head`` (reward
    models), a field ``advantage`` (policy gradient), a field ``label`` or a view of bad responses (binary), ``scores``,
    ``ranks`` or ``relevance`` over a view ``responses`` (listwise), statistics per token, hidden states or fields
    called ``token_…`` (token level), no reference (reference free), and otherwise pairwise.

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
        "unlearning": bool({"forget", "retain", "idk"} & views),
        "reward-models": isinstance(getattr(built, "reward_head", None), Module),
        "policy-gradient": "advantage" in fields,
        "binary": "label" in fields or "bad" in views,
        "listwise": "responses" in views and bool({"scores", "ranks", "relevance"} & fields),
        "token-level": _reads_tokens(needs) or any("token_" in each or "phrase_" in each for each in fields),
        "reference-free": not needs.reference,
    }
    return next((family for family, holds in rules.items() if holds), "pairwise")


def _reads_tokens(needs: Needs) -> bool:
    return bool(needs.stats or needs.layers or needs.hidden or needs.reference_states)


def folder_of(family: str) -> str:
    """The folder of ``penchant.objectives`` that holds a family's methods.

    Example:
        >>> folder_of("reference-free")
        'reference_free'
    """
    return family.replace("-", "_")


class SignatureFamily:
    """The attribute ``family`` of classes that do not declare one: `family_of` of the class."""

    def __get__(self, objective: Objective | None, cls: type[Objective]) -> str:
        return family_of(cls)  # type: ignore[arg-type]  # a class has a hash, whatever its instances have
