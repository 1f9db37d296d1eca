"""`Conversation`: conversations of two agents, one by one."""

from __future__ import annotations

from penchant.online.samplers.conversations.two_agents import TwoAgents

__all__ = ["Conversation"]


class Conversation(TwoAgents):
    """Conversations of two agents about each task, ``samples_per_prompt`` of them, each from its beginning."""

    id = "conversation"
