"""Wrappers: objectives that transform another objective."""
