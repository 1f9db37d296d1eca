"""Claims about logic methods."""
