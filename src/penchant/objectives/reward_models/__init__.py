"""Losses of reward heads."""
