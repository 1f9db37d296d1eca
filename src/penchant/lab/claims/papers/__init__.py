"""The claims, one per file; a file put here is found."""
