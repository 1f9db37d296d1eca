"""Pages of judges and of metrics."""
