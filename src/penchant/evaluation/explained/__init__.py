"""What the figures of evaluation and diagnostics mean: formula, range, direction, and how to read each."""
