"""Programs: short arithmetic programs whose result can be checked."""
