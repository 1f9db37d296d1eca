"""Judges that hold a response against the one answer that its record gives."""
