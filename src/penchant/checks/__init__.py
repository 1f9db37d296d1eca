"""What `penchant data check` runs, and training before a model is loaded: duplicates, labels, templates, lengths."""
