"""Claims about reward and preference models."""
