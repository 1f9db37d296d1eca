"""Losses specific to recommendation: lists of items with relevance or exposure."""
