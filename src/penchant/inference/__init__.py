"""Steering a model while it generates, without training it."""
