"""Losses that only recommendation has a meaning for: lists of items with relevance or exposure."""
