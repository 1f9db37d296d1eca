"""Studies: grids of short chains of training whose scores are one table."""
