"""The claims, one per file; files are discovered automatically."""
