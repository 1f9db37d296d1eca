"""The packaged recipes by what they are about, one group a page of the documentation."""

from __future__ import annotations

__all__ = ["GROUPS", "group_of"]

#: Title of each group, and its recipes.
GROUPS: dict[str, tuple[str, ...]] = {
    "Pairs by reward": (
        *("iterative-dpo", "online-dpo", "spin", "sppo", "rebel", "apo-nesterov"),
        "rejection-sampling",
    ),
    "Games": ("inpo", "dno", "dno-prct", "egpo", "nash-md", "spo-minimax", "spo-minimax-queue", "lspo"),
    "Exploration and coverage": ("xpo", "hypo"),
    "Labels of one's own": (
        *("self-rewarding", "cream", "selfie", "drift", "curated-retraining"),
        *("pu-distill", "pu-distill-pairs", "rlhs"),
    ),
    "Policy gradients": (
        *("grpo", "dapo", "gspo", "rloo", "opo", "pass-at-k", "multi-objective-grpo", "ppo", "dr-po"),
        *("reinforce-pp", "reinforce-pp-baseline", "remax", "nft", "on-policy-distillation", "dr-irl"),
    ),
    "Trees and tools": ("mcts-dpo", "itool"),
    "Conversations": ("optima", "optima-isft", "optima-idpo", "oprl"),
    "Catalogues": ("rere",),
}


def group_of(name: str) -> str:
    """The title of a recipe's group; empty for a recipe that is in none.

    Args:
        name: of a packaged recipe.

    Example:
        >>> group_of("grpo")
        'Policy gradients'
    """
    return next((title for title, recipes in GROUPS.items() if name in recipes), "")
