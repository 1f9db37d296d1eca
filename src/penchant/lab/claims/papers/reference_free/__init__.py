"""Claims about reference-free methods."""
