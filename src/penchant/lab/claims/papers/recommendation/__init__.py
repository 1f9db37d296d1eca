"""Claims about recommendation and retrieval."""
