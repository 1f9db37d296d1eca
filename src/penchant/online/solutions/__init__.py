"""Recipes for problems with checkable answers: supervised solution fine-tuning, and sequential multi-task training."""
