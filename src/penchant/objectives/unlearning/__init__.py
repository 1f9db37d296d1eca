"""Losses that make a model forget some responses and keep others."""
