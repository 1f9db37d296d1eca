"""Pairwise losses with a reference model."""
