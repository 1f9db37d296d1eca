"""Models with projections or bottlenecks: loading, saving, and the code that goes with the saved files."""
