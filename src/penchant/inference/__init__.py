"""How a model is steered while it generates, without training it."""
