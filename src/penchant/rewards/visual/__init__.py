"""Rewards of boxes and labels that a response names for an image."""
