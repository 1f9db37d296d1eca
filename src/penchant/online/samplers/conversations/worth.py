"""What a conversation is worth: the task, less its share of tokens, plus how readable its worst turn is."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["LEAST_LOSS", "UNREADABLE", "conversation_rewards", "readability"]

#: The readability of a conversation that says nothing, or more than the limit of tokens.
UNREADABLE = -1.0
#: Losses below this count as this much, nats: a turn that the base model knows by heart is no better than a plain one.
LEAST_LOSS = 0.1


def readability(losses: Sequence[float], tokens: int, longest: int = 500) -> float:
    """One over the largest mean loss of a turn under the base model; −1 if there is no turn, or too many tokens.

    Args:
        losses: mean loss of each turn, nats a token.
        tokens: of the whole conversation.
        longest: the limit of tokens.

    Example:
        >>> readability([0.5, 2.0], 20), readability([], 0), readability([0.5], 501)
        (0.5, -1.0, -1.0)
    """
    if not losses or tokens > longest:
        return UNREADABLE
    return 1.0 / max(LEAST_LOSS, *losses)


def conversation_rewards(
    task: Sequence[float],
    tokens: Sequence[int],
    readable: Sequence[float],
    *,
    token_weight: float,
    loss_weight: float,
) -> list[float]:
    """Rewards of the conversations about one task.

    R = R_task − λ_token · tokens / (most tokens of the group) + λ_loss · readability

    Args:
        task: scores of the task, for example 1 for a right answer.
        tokens: of each conversation, both agents'.
        readable: `readability` of each.
        token_weight: λ_token.
        loss_weight: λ_loss.

    Returns:
        One reward for each; more tokens never raise it.

    Example:
        >>> conversation_rewards([1.0, 1.0], [10, 40], [0.5, 0.5], token_weight=0.4, loss_weight=1.0)
        [1.4, 1.1]

    Reference:
        Chen et al. (2024), Optima: Optimizing Effectiveness and Efficiency for LLM-Based Multi-Agent System, eq. 1.
    """
    most = max(1, *tokens) if tokens else 1
    return [
        score - token_weight * count / most + loss_weight * clear
        for score, count, clear in zip(task, tokens, readable, strict=True)
    ]
