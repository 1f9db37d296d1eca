"""What is known of a method beyond its class: the data it needs in words, its evidence, its claims, where it runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penchant.objectives import Objective

__all__ = ["claims_in_words", "data_in_words", "evidence_in_words", "responses_in_words"]

#: What stands for a wrapper in place of a fact that depends on the objective inside it.
AS_INSIDE = "as the objective inside"
#: Record fields that the run supplies by itself.
BY_THE_RUN = {"advantage", "old_policy", "old_values", "record_index", "returns"}
LISTS = "ranked lists (several responses with scores or ranks)"
ONLINE = "prompts and a judge"


def data_in_words(cls: type[Objective]) -> str:
    """The data that a method trains on, in words.

    Args:
        cls: the class of an objective, asked with default hyper-parameters.

    Returns:
        The kind of feedback, then the record fields that it needs; those that it can do without in parentheses.

    Example:
        >>> from penchant.objectives import KTO, ConservativeDPO, GRPO
        >>> data_in_words(KTO)
        'thumbs (single responses, each labelled good or bad)'
        >>> data_in_words(ConservativeDPO)
        'pairs (with `probability`)'
        >>> data_in_words(GRPO)
        'prompts and a judge'
    """
    from penchant.feedback.views.view import find_view
    from penchant.objectives import requirements

    if _is_wrapper(cls):
        return AS_INSIDE
    wanted = requirements(cls)
    kind = _kind_of_data(set(wanted.views), set(wanted.fields))
    made_of = {field: name for name in wanted.views for field in find_view(name).fields}
    read = dict.fromkeys(wanted.fields, "") | made_of  # the field, and the view that is made of it
    named = [name for name in read if name not in BY_THE_RUN | {"label", "scores", "ranks"}]
    optional = [name for name in named if (read[name] or name) in wanted.optional]
    needed = [name for name in named if name not in optional]
    further = f" with {_listed(needed)}" if needed else ""
    return f"{kind}{further}{f' (with {_listed(optional)})' if optional else ''}"


def _kind_of_data(views: set[str], fields: set[str]) -> str:
    """The kind of feedback that views and record fields belong to."""
    from penchant.feedback.views.view import find_view

    if sources := [name for name in sorted(views) if find_view(name).source]:
        return f"{'two sources' if len(sources) > 1 else 'a source'} of demonstrations: {_listed(sources)}"
    if {"advantage", "old_policy"} & fields:
        return ONLINE
    if "label" in fields:
        return "thumbs (single responses, each labelled good or bad)"
    if {"scores", "ranks", "relevance"} & fields:
        return LISTS
    if "bad" in views:
        return "responses that are known to be bad"
    if "chosen_joint" in views:
        return "pairs, also of responses to two prompts"
    return "pairs" if "rejected" in views else "demonstrations, or the chosen side of pairs"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def responses_in_words(cls: type[Objective]) -> str:
    """Whether a method trains on texts, images, or both.

    A denoiser gives an image one number: no statistics of single tokens, no hidden state. Images come in pairs, with
    labels, or as demonstrations; nothing samples them in a run, and what a builder writes are texts.

    Example:
        >>> from penchant.objectives import DPO, DiffusionKTO, GRPO
        >>> responses_in_words(DPO), responses_in_words(DiffusionKTO), responses_in_words(GRPO)
        ('text, images', 'images', 'text')
    """
    from penchant.feedback.views.view import find_view, how_to_make
    from penchant.objectives import requirements

    if _is_wrapper(cls):
        return AS_INSIDE
    wanted = requirements(cls)
    needs = wanted.needs
    of_tokens = bool(needs.stats or needs.layers or needs.reference_states or needs.gradient_norms)
    of_tokens = of_tokens or needs.hidden or needs.ends or needs.residual is not None or cls.family == "token-level"
    built = any(find_view(name).fields or find_view(name).whole or find_view(name).words for name in wanted.views)
    built = built or any(how_to_make(name) for name in wanted.fields)
    kind = _kind_of_data(set(wanted.views), set(wanted.fields))
    if of_tokens or built or kind in (LISTS, ONLINE):
        return "text"
    return "images" if "diffusion" in cls.tags else "text, images"


def evidence_in_words(cls: type[Objective]) -> str:
    """How a method is known to be right, with the number of published cases that agree.

    Example:
        >>> from penchant.objectives import IPO, NLL
        >>> evidence_in_words(IPO), evidence_in_words(NLL)
        ('official code (4 cases agree)', 'paper')
    """
    from penchant.receipts.record import agreement

    kind, counts = str(cls.evidence or ""), agreement(cls.id)
    if counts is None:
        return kind
    agree, every = counts
    of_all = "" if agree == every else f" of {every}"
    return f"{kind} ({agree}{of_all} case{'s' * (every != 1)} agree{'s' * (every == 1)})".strip()


def claims_in_words(cls: type[Objective]) -> str:
    """How many claims of papers about a method have which verdict; empty where none is about it.

    Example:
        >>> from penchant.objectives import RobustDPO
        >>> claims_in_words(RobustDPO)
        '2 reproduced, 1 inconclusive'
    """
    from penchant.lab.claims.record import verdicts

    counts = Counter(verdicts(cls.id).values())
    order = ("reproduced", "not reproduced", "inconclusive")
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])


def _is_wrapper(cls: type[Objective]) -> bool:
    from penchant.objectives.core.family import WRAPPERS

    return cls.family == WRAPPERS
