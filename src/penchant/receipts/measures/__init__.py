"""Published cases of measures."""
