"""Published cases of pair selection by reward."""

from __future__ import annotations

from typing import Any

from penchant.online.pairs import select_pairs
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["iterative_dpo"]

#: Pairing rules by their names in RLHFlow's Online-RLHF.
_RULES = {
    "max_min": "best_worst",
    "max_min_p": "best_worst",
    "max_random": "best_other",
    "max_max": "best_second",
    "random": "first_two",
}


@adapter("iterative-dpo")
def iterative_dpo(case: Case) -> dict[str, Any]:
    """Iterative DPO: the pairs and margins of several prompts."""
    rule, inputs = case.params["rule"], case.inputs
    lengths = inputs.get("response_lengths") or [[0] * len(each) for each in inputs["rewards"]]
    penalty = case.params.get("length_penalty", 0.0) if rule == "max_min_p" else 0.0
    pairs, margins = [], []
    for prompt, (rewards, sizes) in enumerate(zip(inputs["rewards"], lengths, strict=True)):
        for chosen, rejected in select_pairs(_RULES[rule], rewards, lengths=sizes, length_penalty=penalty):
            pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
            margins.append((rewards[chosen] - rewards[rejected]) * case.params.get("margin_scale", 1.0))
    return {"pairs": pairs, "margins": margins}
