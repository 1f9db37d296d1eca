"""Losses of single responses that are labelled good or bad."""
