"""Games between policies, rankings compared, and values of search trees: pure functions."""
