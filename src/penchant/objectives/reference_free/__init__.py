"""Losses on pairs or demonstrations without a reference model."""
