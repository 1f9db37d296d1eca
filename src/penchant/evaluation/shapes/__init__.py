"""Metrics by the shape of the feedback, found through the views: pair, binary, group, source."""
