"""Models whose hidden states are projected: loading, saving, and the code that goes with the saved files."""
