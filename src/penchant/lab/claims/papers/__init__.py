"""The claims, one in a file: a file put here is a claim known."""
