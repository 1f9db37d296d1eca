"""Losses of sampled responses and their advantages."""
