"""Claims about pairwise methods."""
