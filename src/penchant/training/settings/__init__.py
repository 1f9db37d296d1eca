"""The groups of settings that a recipe consists of."""
