"""Unlearning losses: forget some responses, retain others."""
