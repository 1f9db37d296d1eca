"""Claims about methods of the family listwise."""
