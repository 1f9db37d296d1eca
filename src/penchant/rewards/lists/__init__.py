"""Reward functions that score all responses to a prompt in one call, with lists as arguments."""
