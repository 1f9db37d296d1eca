"""Losses of a chosen and a rejected response, or of a demonstration, without a reference."""
