"""Pairings, one file for each kind: pairs by reward, pairs against a demonstration, single responses, whole groups."""
