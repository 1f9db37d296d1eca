"""Claims about pairs that are sampled and judged in rounds."""
