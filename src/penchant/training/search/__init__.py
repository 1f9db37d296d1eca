"""Search of adapters: accuracy against trained weights, within a budget of evaluations."""
