"""Demonstrations in levels, from easy to hard."""
