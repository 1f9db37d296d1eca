"""Checks of feedback (duplicates, labels, templates, lengths), run by `penchant data check` and before training."""
