"""Claims about pairwise methods and the length of responses."""
