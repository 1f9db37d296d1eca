"""Losses on single responses with binary labels."""
