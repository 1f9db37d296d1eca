"""Samplers: how responses come about — one by one, by a search, or in a conversation."""
