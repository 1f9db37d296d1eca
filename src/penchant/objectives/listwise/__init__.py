"""Losses on scored or ranked lists of responses to a prompt."""
