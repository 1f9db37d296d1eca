"""Claims about methods of the family reference_free."""
