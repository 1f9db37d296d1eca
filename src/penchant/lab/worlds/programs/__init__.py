"""The programs world: short arithmetic programs with verifiable output."""
