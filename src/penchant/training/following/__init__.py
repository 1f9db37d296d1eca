"""What a run follows while it goes on: the best measurement, loggers, callbacks, the live report, the hub."""
