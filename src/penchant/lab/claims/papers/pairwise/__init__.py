"""Claims about methods of the family pairwise."""
