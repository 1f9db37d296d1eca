"""Unlearning: training with a forget set, followed by its own measurements and report."""
