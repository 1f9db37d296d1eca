"""The worlds: small enough to know the truth about, each in a folder of its own."""
