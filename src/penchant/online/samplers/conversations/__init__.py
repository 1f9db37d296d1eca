"""Conversations of two agents as samples: what each reads, how they play, what a conversation is worth."""
