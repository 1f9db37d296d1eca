"""Ratings of models from votes between them."""
