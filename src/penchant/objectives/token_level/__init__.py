"""Losses that read something of every token: a statistic, a hidden state, or a number per token."""
