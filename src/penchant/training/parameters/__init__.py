"""Which weights move: masks and projections that combine with any objective."""
