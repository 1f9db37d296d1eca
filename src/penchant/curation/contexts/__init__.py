"""Comparisons whose prompts say in which context they hold."""
