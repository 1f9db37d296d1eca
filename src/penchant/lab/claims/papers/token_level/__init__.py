"""Claims about methods of the family token_level."""
