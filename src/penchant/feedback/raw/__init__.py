"""Files before they are records: bytes, texts and lines, read piece by piece."""
