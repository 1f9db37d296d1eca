"""Claims about unlearning methods."""
