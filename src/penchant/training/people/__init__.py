"""Judges trained for each person, beside one for all."""
