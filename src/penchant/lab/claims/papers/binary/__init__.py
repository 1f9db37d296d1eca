"""Claims about binary methods."""
