"""Losses of heads that say how good a response is."""
