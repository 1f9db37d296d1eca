"""Rules that choose among several samples: best-of-n, solution re-ranking, and robust preference selection."""
