"""Benchmarks: speed and memory as ratios, both sides in one run. ``python -m benchmarks`` prints the tables."""
