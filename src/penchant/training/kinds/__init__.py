"""Feedback of one kind for an objective that reads another."""
