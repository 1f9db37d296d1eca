"""Claims about methods of the family logic."""
