"""Losses that read per-token statistics, hidden states or fields."""
