"""Ways to put a prompt to a model: in-context alignment (URIAL), and conjugate prompting."""
