"""Latent actions of a language game, and the games among them."""
