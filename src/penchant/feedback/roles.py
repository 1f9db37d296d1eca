"""The roles of turns, under the names that chat templates use."""

from __future__ import annotations

__all__ = ["CALLS", "ROLES", "normal_role"]

_NAMES = {
    "user": ("human", "usr", "prompter"),
    "assistant": ("gpt", "bot", "model", "ai", "chatgpt", "bing", "bard", "chatbot"),
    "system": ("sys",),
    "developer": (),
    "tool": ("observation", "function", "function_response", "tool_response", "tool_result", "tool_results"),
}
#: Roles by the names that data sets use, in lower case.
ROLES = {name: role for role, names in _NAMES.items() for name in (role, *names)}
#: Roles of turns whose content is a call: the assistant speaks.
CALLS = ("function_call", "tool_call", "function-call")


def normal_role(role: str) -> str:
    """The role as templates name it; a role that is not known stays as it is.

    Example:
        >>> normal_role("Human"), normal_role("ASSISTANT"), normal_role("observation"), normal_role("Critic")
        ('user', 'assistant', 'tool', 'Critic')
    """
    return ROLES.get(role.strip().lower(), role)
