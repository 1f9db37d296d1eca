"""Claims about methods of the family binary."""
