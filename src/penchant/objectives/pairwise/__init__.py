"""Losses of a chosen and a rejected response, held to a reference."""
