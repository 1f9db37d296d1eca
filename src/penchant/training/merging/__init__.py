"""Merging of models in weight space: the formulas, the reader and writer of safetensors, soups."""
