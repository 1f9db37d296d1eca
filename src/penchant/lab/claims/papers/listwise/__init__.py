"""Claims about listwise methods."""
