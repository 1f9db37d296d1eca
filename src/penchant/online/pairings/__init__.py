"""Pairings by kind: pairs by reward, pairs with a demonstration, single responses, whole groups."""
