"""Whose a run is: its id, what it was made from, which files are its own, and the code that it was given."""
