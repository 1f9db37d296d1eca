"""Claims about token-level methods."""
