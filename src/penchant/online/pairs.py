"""Which two responses to a prompt are compared, from their rewards alone, by the name of the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.online.pairings.pairs import PAIR_RULES, Pair
from penchant.receipts.adapters import receipt

__all__ = ["PAIR_RULES", "select_pairs"]


def select_pairs(
    rule: str,
    rewards: Sequence[float],
    *,
    lengths: Sequence[int] = (),
    length_penalty: float = 0.0,
    threshold: float | None = None,
) -> list[Pair]:
    """The pairs (chosen, rejected) of one prompt.

    Candidates are picked by reward − length_penalty · length; which of two is chosen is decided by the reward alone,
    and equal rewards make no pair. So every pair has a margin above 0.

    Args:
        rule: ``best_worst``; ``best_other`` (best and the first other one); ``best_second``; ``first_two``; ``all``.
        rewards: K rewards; NaN for a response without one, which is left out.
        lengths: of the responses, in any unit, where there is a penalty.
        length_penalty: reward taken per unit of length.
        threshold: where given, only pairs of one reward at least as high and one below it.

    Returns:
        Indices of chosen and rejected; empty where all rewards are equal.

    Raises:
        ConfigurationError: there is no such rule.

    Example:
        >>> select_pairs("best_worst", [0.2, 0.9, 0.1]), select_pairs("all", [1.0, 0.0, 0.0])
        ([(1, 2)], [(0, 1), (0, 2)])
    """
    return PAIR_RULES.get(rule).select(rewards, lengths, length_penalty, threshold)


#: Rules under the names of RLHFlow's Online-RLHF.
_PUBLISHED = {
    "max_min": "best_worst",
    "max_min_p": "best_worst",
    "max_random": "best_other",
    "max_max": "best_second",
    "random": "first_two",
}


@receipt("iterative-dpo")
def iterative_dpo_receipt(params: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The pairs and margins of several prompts, for ``penchant receipts``."""
    lengths = inputs.get("response_lengths") or [[0] * len(each) for each in inputs["rewards"]]
    penalty = params.get("length_penalty", 0.0) if params["rule"] == "max_min_p" else 0.0
    pairs, margins = [], []
    for prompt, (rewards, sizes) in enumerate(zip(inputs["rewards"], lengths, strict=True)):
        for chosen, rejected in select_pairs(
            _PUBLISHED[params["rule"]], rewards, lengths=sizes, length_penalty=penalty
        ):
            pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
            margins.append((rewards[chosen] - rewards[rejected]) * params.get("margin_scale", 1.0))
    return {"pairs": pairs, "margins": margins}
