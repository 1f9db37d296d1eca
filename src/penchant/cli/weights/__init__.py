"""Commands that combine trained models, and that chain stages of training."""
