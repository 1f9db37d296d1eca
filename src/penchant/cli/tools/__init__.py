"""Commands that work on saved models."""
