"""Builders of the texts that a detector of machine text learns from."""
