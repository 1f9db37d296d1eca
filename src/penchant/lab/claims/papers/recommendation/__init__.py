"""Claims about recommendation."""
