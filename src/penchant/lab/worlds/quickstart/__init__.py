"""The quickstart: a small language model learns to write reviews, then learns what people like."""
