"""Losses of a scored or ranked list of responses to one prompt."""
