"""COALA: a small head on frozen features, trained by two convex problems (arXiv 2605.23244)."""
